# SPDX-License-Identifier: Apache-2.0
"""The wheel, built and installed into an empty environment, does all that the README shows."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING

import pytest

import trunkline
from documents import README, ROOT, blocks, commands, prepare, run_as_stated

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that knows nothing of this environment; return what it prints."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE"))}
    done = subprocess.run(
        command, cwd=cwd, env=clean, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment that holds what ``pip install trunkline[train]`` brings."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    run(folder / "bin" / "python", "-m", "pip", "install", f"{wheel}[train]", cwd=folder)
    return folder / "bin"


@pytest.fixture(scope="module")
def desk(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the README's examples name."""
    folder = tmp_path_factory.mktemp("desk")
    prepare(folder, shared)
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        stated = HeaderParser().parsestr(archive.read(metadata).decode())
    sources = (ROOT / "src").rglob("*")
    code = {
        str(p.relative_to(ROOT / "src"))
        for p in sources
        if p.suffix in {".py", ".typed", ".css", ".js"}
    }
    assert {name for name in names if ".dist-info/" not in name} == code
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert stated["Version"] == trunkline.__version__
    assert stated["License-Expression"] == "Apache-2.0"


def test_no_framework_comes_with_it(programs: Path, tmp_path: Path) -> None:
    run(programs / "python", "-m", "pip", "check", cwd=tmp_path)
    code = (
        "from importlib.metadata import distributions; "
        "print('\\n'.join(sorted(d.name.lower() for d in distributions())))"
    )
    installed = set(run(programs / "python", "-c", code, cwd=tmp_path).split())
    assert {"trunkline", "openvino"} <= installed
    assert not installed & {
        "ai-edge-litert",
        "coremltools",
        "onnxruntime",
        "opencv-python",
        "pytest",
        "tensorflow",
        "tensorflow-cpu",
        "torch",
    }


def test_it_can_be_run_as_a_module(programs: Path, tmp_path: Path) -> None:
    said = run(programs / "python", "-m", "trunkline", "--version", cwd=tmp_path)
    assert said.strip() == f"trunkline {trunkline.__version__}"


def test_every_command_of_the_readme_prints_what_it_says(programs: Path, desk: Path) -> None:
    stated = list(commands(README))
    assert {command.line.split()[1] for command in stated} == {
        "demo",
        "train",
        "predict",
        "inspect",
    }
    for command in stated:
        run_as_stated(command, desk, programs)
    assert (desk / "answers.csv").is_file()


def test_the_readme_s_python_runs(programs: Path, desk: Path) -> None:
    examples = blocks(README, "python")
    assert examples
    check = "\nassert set(models) == {'second', 'third', 'fourth'}, set(models)\n"
    run(programs / "python", "-c", "".join(examples) + check, cwd=desk)


def test_what_the_readme_installs_is_this(programs: Path) -> None:
    # The first is what the fixture does, but for the folder; the scripts have tests of
    # their own in .ci/run. Anything else in these blocks would be shown and never run.
    lines = {line for block in blocks(README, "sh") for line in block.splitlines()}
    assert lines == {"pip install '.[train]'", "scripts/demo", "scripts/test"}
