# SPDX-License-Identifier: Apache-2.0
"""The house: imports point down, the front door is small, files and functions are short."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import trunkline

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(trunkline.__file__).parent
_FILES = sorted(_ROOT.rglob("*.py"))

# From the ground up; rooms on one floor do not import one another.
_FLOORS: tuple[set[str], ...] = (
    {"errors"},
    {"contracts"},
    {"predictions"},
    {"models"},
    {"images", "decoding", "graphs"},
    {"exports"},
    {"engine", "writers"},
    {"trunks"},
    {"trunkline"},  # the public API, which the front rooms may use as anyone does
    {"training", "page"},
    {"streams", "server", "demo"},
    {"cli"},
    {"__main__"},
)
_FLOOR_OF = {room: floor for floor, rooms in enumerate(_FLOORS) for room in rooms}

_MOST_NAMES = 25
_LONGEST_FILE = 450
_LONGEST_FUNCTION = 50


def _room(module: str) -> str:
    """Return the room of ``trunkline.<room>.<...>``; the package itself is its public API."""
    return module.split(".")[1] if "." in module else module


def _module(path: Path) -> str:
    parts = path.relative_to(_ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(module: str, tree: ast.AST) -> Iterator[str]:
    """Yield every module of ours that is imported, wherever the import stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if _is_ours(alias.name))
            case ast.ImportFrom(level=level) if level:
                raise AssertionError(f"{module} imports relatively, which hides the room")
            case ast.ImportFrom(module="trunkline", names=names):
                yield from (_meant(alias.name) for alias in names)
            case ast.ImportFrom(module=str(name)) if _is_ours(name):
                yield name
            case ast.Constant(value=str(name)) if name.startswith("trunkline.") and _exists(name):
                yield name  # importlib.import_module, or the table it is called with


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "trunkline"


def _meant(name: str) -> str:
    """Return what ``from trunkline import name`` imports."""
    if name == "__version__":
        return "trunkline.errors"  # a constant, free to all
    return f"trunkline.{name}" if name in _FLOOR_OF else "trunkline"


def _exists(module: str) -> bool:
    path = _ROOT.parent.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _allowed(importer: str, imported: str) -> bool:
    above, below = _room(importer), _room(imported)
    return above == below or _FLOOR_OF[below] < _FLOOR_OF[above]


def test_every_module_has_a_room() -> None:
    rooms = {_room(_module(path)) for path in _FILES}
    assert rooms <= set(_FLOOR_OF)
    assert {"errors", "exports", "images", "engine", "decoding", "cli"} <= rooms


@pytest.mark.parametrize("path", _FILES, ids=_module)
def test_imports_point_down(path: Path) -> None:
    module = _module(path)
    if module == "trunkline":
        return  # the public API opens every door
    found = set(_imports(module, ast.parse(path.read_text("utf-8"))))
    upward = sorted(name for name in found if not _allowed(module, name))
    assert not upward, f"{module} imports {upward}"


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("trunkline.decoding.yolo", "from trunkline.images import to_tensor"),
        ("trunkline.exports.onnx", "def f():\n    from trunkline.engine.plan import Plan"),
        ("trunkline.server.app", "import trunkline.streams"),
        ("trunkline.engine.plan", "from trunkline import cli"),
        ("trunkline.engine.plan", "import trunkline"),
        ("trunkline.errors", "if TYPE_CHECKING:\n    from trunkline.models import Model"),
        ("trunkline.images.decode", "f('trunkline.engine.loading')"),
    ],
)
def test_an_import_that_points_up_is_seen(importer: str, source: str) -> None:
    found = set(_imports(importer, ast.parse(source)))
    assert found
    assert not all(_allowed(importer, name) for name in found)


def test_public_api_is_small_and_all_there() -> None:
    assert len(trunkline.__all__) <= _MOST_NAMES
    assert sorted(trunkline.__all__) == list(trunkline.__all__) == dir(trunkline)
    for name in trunkline.__all__:
        assert getattr(trunkline, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_that"):
        _ = trunkline.nothing_like_that


@pytest.mark.parametrize("path", _FILES, ids=_module)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= _LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            length = (node.end_lineno or first) - first + 1
            assert length <= _LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("trunkline", ("numpy", "openvino", "onnx", "PIL", "google.protobuf", "rich", "click")),
        ("trunkline.cli", ("numpy", "openvino", "onnx", "PIL", "google.protobuf", "starlette")),
    ],
)
def test_importing_brings_nothing_heavy(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
