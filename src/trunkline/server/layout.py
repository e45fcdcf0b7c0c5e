# SPDX-License-Identifier: Apache-2.0
"""What lies in the folders that models come from, without opening any of it.

A unit is what is loaded, replaced and removed as one: the folder, zip or model file of an export,
or a folder with versions of one. Its stamp tells whether it is still what it was.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from trunkline.exports import modelfiles, sidefiles
from trunkline.server.versions import named, numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trunkline.server.settings import Versions

__all__ = ["SIDE_FILES", "Root", "Stamp", "Unit", "look", "root_of"]

Stamp = tuple[tuple[str, int, int, int], ...]
"""Name, bytes, time of change and inode of each file."""

SIDE_FILES = (sidefiles.LABELS, sidefiles.MANIFEST, sidefiles.METADATA, sidefiles.SETTINGS)

_NAMED = re.compile(r"(?P<name>\w[\w.-]*)=(?P<path>.+)", re.DOTALL)
_DEEPEST = 2  # as trunkline.exports.search looks
_DEEPEST_FILE = 6  # name/1/model.savedmodel/variables/...
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Root:
    """A place that models come from.

    Attributes:
        path: A folder or a file.
        name: What its one model is to be called; None where that is for it to say.
        stored: Whether it is the folder that uploads are kept in: there each unit's name is its
            model's, and nothing at all is nothing wrong.
    """

    path: Path
    name: str | None = None
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """What is loaded, replaced and removed as one.

    Attributes:
        path: A folder, a zip or a model file.
        name: What its model is called, if it has one and its own settings say nothing else.
        fixed: Whether ``name`` holds whatever its own settings say.
        versions: For a folder with versions, by name, those to serve.
        stamp: What it was when it was looked at.
    """

    path: Path
    name: str
    fixed: bool = False
    versions: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    stamp: Stamp = ()

    @property
    def key(self) -> str:
        """What tells it from others."""
        return str(self.path)


def root_of(source: str) -> Root:
    """Return the root that a person means by ``PATH`` or ``NAME=PATH``.

    What exists is a path, whatever it looks like.
    """
    # Path.exists() raises for a name that is too long to be one; os.path.exists() says no.
    match = None if os.path.exists(source) else _NAMED.fullmatch(source)  # noqa: PTH110
    return Root(Path(match["path"]), match["name"]) if match else Root(Path(source))


def look(root: Root, policy: Versions) -> list[Unit]:
    """Return what a root holds now; where that is nothing, the root itself, to be complained about.

    Args:
        root: The place.
        policy: Which versions to serve.
    """
    if root.stored and not root.path.is_dir():
        return []
    try:
        found = list(_units(root.path, policy, 0))
    except OSError:
        found = []
    if root.name is not None:
        return _stamped([_renamed(root, found, policy)])
    if not found and not root.stored:
        found = [Unit(root.path, _called(root.path))]
    if root.stored:
        found = [replace(unit, name=_stem(unit.path), fixed=True) for unit in found]
    return _stamped(_distinct(found))


def _renamed(root: Root, found: Sequence[Unit], policy: Versions) -> Unit:
    """Return the whole of a root as one unit under the root's own name."""
    name = root.name or ""
    if len(found) == 1 and found[0].versions and found[0].path == root.path:
        return Unit(root.path, name, True, named(name, numbered(root.path), policy))  # noqa: FBT003
    return Unit(root.path, name, fixed=True)


def _units(path: Path, policy: Versions, depth: int) -> Iterator[Unit]:
    if not path.is_dir():
        yield Unit(path, _called(path))
        return
    names = [n for n in _listed(path) if not n.startswith(".") and n != "__MACOSX"]
    models = _models(path, names)
    signs = any(name.lower() in SIDE_FILES for name in names)
    if models and (signs or any(modelfiles.is_generic(Path(name).stem) for name in models)):
        yield Unit(path, _called(path))
    elif not models and (versions := numbered(path)) and not any(map(_is_zip, names)):
        yield Unit(path, _called(path), True, named(_called(path), versions, policy))  # noqa: FBT003
    else:
        yield from _shelved(path, names, models, policy, depth, signs=signs)


def _shelved(  # noqa: PLR0913 - what has been found out about a folder
    path: Path,
    names: Sequence[str],
    models: Mapping[str, str],
    policy: Versions,
    depth: int,
    *,
    signs: bool,
) -> Iterator[Unit]:
    """Yield what lies in a folder that is not itself an export."""
    stems = Counter(Path(name).stem for name in models)
    found: list[Unit] = []
    for name in names:
        stem = Path(name).stem
        if name in models:
            alike = stems[stem] > 1
            found.append(Unit(path / name, f"{stem}-{models[name]}" if alike else stem, alike))
        elif modelfiles.foreign(name):
            continue
        elif _is_zip(name) or (depth < _DEEPEST and (path / name).is_dir()):
            found += _units(path / name, policy, depth + 1)
    # The only model in a folder has the labels and settings that lie in the folder itself.
    adopts = signs and len(found) == 1 and not found[0].versions
    foreign = not found and depth > 0 and any(map(modelfiles.foreign, names))
    yield from (
        [Unit(path, found[0].name if found else _called(path))] if adopts or foreign else found
    )


def _models(path: Path, names: Sequence[str]) -> Mapping[str, str]:
    files = [name for name in names if (path / name).is_file()]
    forms = {name: modelfiles.recognise(path / name) for name in modelfiles.candidates(files)}
    return {name: str(form) for name, form in forms.items() if form}


def _distinct(units: Sequence[Unit]) -> Iterator[Unit]:
    """Yield units of different names: a zip may lie beside the folder it was unpacked to."""
    taken: set[str] = set()
    for unit in units:
        name = unit.name
        if name in taken:
            name = next(new for n in count(2) if (new := f"{name}-{n}") not in taken)
        taken.add(name)
        yield unit if name == unit.name else replace(unit, name=name, fixed=True)


def _called(path: Path) -> str:
    """Return what an export is called, by itself or else by what lies around it."""
    full = path.absolute()
    own = full.name if path.is_dir() else full.stem
    around = (each.name for each in full.parents if each.name)
    names = [own, *around]
    return next((name for name in names if name and not modelfiles.is_generic(name)), own)


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _listed(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder))


def _stamped(units: Iterable[Unit]) -> list[Unit]:
    beside: dict[Path, dict[str, list[str]]] = {}
    return [replace(unit, stamp=tuple(sorted(_stamp(unit.path, beside)))) for unit in units]


def _stamp(
    path: Path, beside: dict[Path, dict[str, list[str]]]
) -> Iterator[tuple[str, int, int, int]]:
    try:
        if path.is_dir():
            yield from _files(path, "", 0)
            return
        if _is_zip(path.name):
            yield _file(path.name, path.stat())
            return
        names = beside.setdefault(path.parent, {}) or _by_stem(path.parent)
        beside[path.parent] = names
        for name in (*names.get(path.name.partition(".")[0], ()), *names.get("", ())):
            yield _file(name, (path.parent / name).stat())
    except OSError:
        return  # it is going or changing as we look; the next look sees what becomes of it


def _by_stem(folder: Path) -> dict[str, list[str]]:
    """Return a folder's names by stem; what belongs to all models in it is under ``""``."""
    names: dict[str, list[str]] = {}
    for name in _listed(folder):
        stem = "" if name.lower() in SIDE_FILES else name.partition(".")[0] or name
        names.setdefault(stem, []).append(name)
    return names


def _files(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, int, int, int]]:
    for number, entry in enumerate(os.scandir(folder)):
        if number >= _MOST_FILES or entry.name.startswith("."):
            continue
        if entry.is_dir() and depth < _DEEPEST_FILE:
            yield from _files(Path(entry.path), f"{prefix}{entry.name}/", depth + 1)
        else:
            yield _file(prefix + entry.name, entry.stat())


def _file(name: str, found: os.stat_result) -> tuple[str, int, int, int]:
    return name, found.st_size, found.st_mtime_ns, found.st_ino
