# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

import trunkline
from trunkline.demo import run_demo, training
from trunkline.demo.pictures import ASPECTS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_CACHE", str(tmp_path / "cache"))


def test_it_runs_and_keeps_what_it_was_told_to(tmp_path: Path) -> None:
    out = io.StringIO()
    folder = tmp_path / "kept"
    tally = run_demo(Console(file=out, width=200), 0.2, folder)
    text = out.getvalue()
    assert tally.frames >= 1
    assert text.index("Drawn for") < text.index("0.0 s") < text.index("frames per second")
    assert f"trunkline predict -m {folder / 'models'} {folder / 'pictures'}" in text
    models = trunkline.load(folder / "models")
    pictures = sorted((folder / "pictures").iterdir())
    assert len(pictures) == 6
    right = 0
    for picture in pictures:
        truth = picture.stem.split("-")[1:]
        answers = models.predict(picture)
        right += sum(answers[a].label == t for a, t in zip(ASPECTS, truth, strict=True))
    assert right >= 16  # of 18
    tags = sorted(path.name for path in (folder / "tagged" / "shape").iterdir())
    assert tags == sorted(ASPECTS["shape"])
    assert len(list((folder / "tagged").rglob("*.jpg"))) == 36


def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(training, "TRAINED_ON", 16)  # how good they are does not matter here
    out = io.StringIO()
    run_demo(Console(file=out, width=200), 0)
    assert not list(temporary.iterdir())
    assert "Kept" not in out.getvalue()
