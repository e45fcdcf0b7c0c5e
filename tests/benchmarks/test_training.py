# SPDX-License-Identifier: Apache-2.0
"""The benchmark of training: its pictures are what it says, and a short run measures all sides."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_pictures_are_of_twelve_megapixels_with_a_tag_each(tmp_path):
    training = importlib.import_module("training")
    training.draw_pictures(tmp_path, 6)
    files = sorted(tmp_path.rglob("*.jpg"))
    assert len(files) == 6
    assert {file.parent.name for file in files} == {f"tag {number}" for number in range(5)}
    for file in files:
        with Image.open(file) as picture:
            assert picture.size == (4000, 3000)
        assert file.stat().st_size > 1_000_000  # as a camera's, and not as a drawing's


@pytest.mark.slow
def test_a_quick_run_measures_all_sides_and_writes_nothing(shared, run_program):
    page = PAGE.read_bytes()
    run = run_program("training.py", "--quick", "--models-dir", shared / "models")
    assert run.returncode == 0, run.stderr
    rows = [line for line in run.stdout.splitlines() if line.startswith("| ")][2:]
    assert [row.split("|")[1].strip()[:30] for row in rows] == [
        "10 pictures of 12 megapixels, ",
        "the same again with one pictur",
    ]
    assert PAGE.read_bytes() == page
