# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import builders
from engine.families import export
from trunkline.cli import main
from trunkline.engine import comparison

if TYPE_CHECKING:
    from pathlib import Path


def bench(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["bench", "--seconds", "0.2", *map(str, arguments)])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    export(folder / "one", (1, 2))
    export(folder / "two", (1, 2), seed=1)
    return folder


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the processes of their own, which take seconds."""
    monkeypatch.setattr(comparison, "measure_memory", lambda *_: 123_000_000)


def test_a_table_for_people(models: Path) -> None:
    result = bench(models)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 models, 4 pictures, ")
    lines = [line.split() for line in result.stdout.splitlines()]
    for name, callers in (("together", "1"), ("apart", "1")):
        (row,) = (line for line in lines if line[:2] == [name, callers])
        assert row[-1] == "MB"
    assert any(line[:1] == ["throughput"] for line in lines)
    assert "Together answers " in result.stdout
    assert " times the memory." in result.stdout
    assert "Largest difference in any answer: 0." in result.stdout


@pytest.mark.usefixtures("quickly")
def test_one_object_for_programs(models: Path, tmp_path: Path) -> None:
    for number in range(40):
        builders.picture(tmp_path / f"{number:02}.png", "red")
    named = f"three={models / 'one'}"
    result = bench("--json", models, "-m", named, "--frames", tmp_path)
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    assert (found["models"], found["pictures"]) == (3, 16)
    assert found["together"]["frames_per_second"] > 0
    assert found["apart"]["memory_bytes"] == 123_000_000
    assert found["largest_difference"] < 1e-6


@pytest.mark.usefixtures("quickly")
def test_what_cannot_be_read_is_told_and_the_rest_is_timed(models: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing of the kind")
    good = builders.picture(tmp_path / "good.png", "red")
    (tmp_path / "empty").mkdir()
    frames = ("--frames", tmp_path / "none.png", "--frames", tmp_path / "empty")
    result = bench("--json", broken, models, *frames, "--frames", good)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["pictures"] == 1
    complaints = result.stderr.splitlines()
    for path, line in zip(
        (broken, tmp_path / "none.png", tmp_path / "empty"), complaints, strict=True
    ):
        assert line.startswith(f"trunkline: {path}: ")


@pytest.mark.parametrize("what", ["models", "pictures"])
def test_nothing_to_time_is_said(models: Path, tmp_path: Path, what: str) -> None:
    missing = str(tmp_path / "missing.png")
    arguments = [missing] if what == "models" else [str(models), "--frames", missing]
    result = bench(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("trunkline: There is nothing to time.\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name at least one export."),
        (["x", "--seconds", "0"], "is not in the range"),
        (["x", "--seconds", "nan"], "nan is not in the range 0.1<=x<=86400."),
    ],
)
def test_what_is_asked_wrongly_is_said(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, ["bench", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
