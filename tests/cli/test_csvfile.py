# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import os
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trunkline.cli.answers import Answer
from trunkline.cli.csvfile import COLUMNS, csv_file
from trunkline.errors import PictureError, TrunklineError
from trunkline.predictions import Box, Classification, Detection

if TYPE_CHECKING:
    from pathlib import Path

FRUIT = Classification("multiclass", ("apple", 'a "b", c'), np.array([0.25, 0.75], np.float32))
CUTLERY = Detection(("fork",), (Box("fork", 0.5, 0.125, 0.25, 0.375, 0.5),))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def filled(**cells: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | cells


def test_one_row_per_picture_model_and_label_or_box(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    with csv_file(path) as rows:
        rows.write(Answer("1.jpg", {"fruit": FRUIT, "cutlery": CUTLERY}))
        rows.write(Answer("2.jpg", error=PictureError("2.jpg", "it is damaged.")))
        rows.write(Answer("3.jpg", {"cutlery": Detection(("fork",), ())}))
    fruit = {"frame": "1.jpg", "model": "fruit", "task": "multiclass"}
    cutlery = {"model": "cutlery", "task": "detection"}
    box = {"left": "0.125", "top": "0.25", "width": "0.375", "height": "0.5"}
    assert rows_of(path) == [
        filled(**fruit, label='a "b", c', probability="0.75"),
        filled(**fruit, label="apple", probability="0.25"),
        filled(frame="1.jpg", **cutlery, label="fork", probability="0.5", **box),
        filled(frame="2.jpg", error="2.jpg: it is damaged."),
        filled(frame="3.jpg", **cutlery),
    ]
    assert path.read_text("utf-8").splitlines()[0] == ",".join(COLUMNS)
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_changed_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("before")

    def break_off() -> None:
        with csv_file(path) as rows:
            rows.write(Answer("1.jpg", {"fruit": FRUIT}))
            assert path.read_text() == "before"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.touch()
    link.symlink_to(target)
    with csv_file(link) as rows:
        rows.write(Answer("1.jpg", {"fruit": FRUIT}))
    assert link.is_symlink()
    assert len(rows_of(target)) == 2


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with csv_file(pipe) as rows:
        rows.write(Answer("1.jpg", {"fruit": FRUIT}))
    reader.join(10)
    assert read[0].count("\n") == 3
    assert pipe.is_fifo()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "answers.csv"
    with pytest.raises(TrunklineError) as caught, csv_file(path):
        pass
    assert str(path) in str(caught.value)
