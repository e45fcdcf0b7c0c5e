# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from trunkline.cli import main
from trunkline.demo import training


def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TRAINED_ON", 16)  # how good they are does not matter here
    monkeypatch.setenv("TRUNKLINE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "new" / "folder"
    result = CliRunner().invoke(main, ["demo", "--seconds", "0.1", "--keep", str(folder)])
    assert result.exit_code == 0, result.output
    assert "frames per second" in result.stdout
    assert (folder / "models" / "ground" / "model.onnx").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--keep", "full"], "is not empty; name a new folder."),
        (["--keep", "full/file"], "cannot be made: File exists."),
        (["--seconds", "-1"], "is not in the range"),
        (["--seconds", "nan"], "is not in the range"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/file").write_text("mine")
    result = CliRunner().invoke(main, ["demo", *arguments])
    assert result.exit_code == 2
    assert sentence in result.output
    assert Path("full/file").read_text() == "mine"


def test_nothing_has_to_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TRAINED_ON", 16)
    monkeypatch.setenv("TRUNKLINE_CACHE", str(tmp_path / "cache"))
    result = CliRunner().invoke(main, ["demo", "--seconds", "0"])
    assert result.exit_code == 0, result.output
    assert "1 frame in" in result.stdout
