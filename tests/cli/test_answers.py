# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.answers import Answer, Complaints, JsonLines, json_line
from trunkline.errors import PictureError
from trunkline.predictions import Box, Classification, Detection

if TYPE_CHECKING:
    import pytest

FRUIT = Classification("multilabel", ("äpfel", "birnen"), np.array([0.25, 0.75], np.float32))
CUTLERY = Detection(("fork",), (Box("fork", 0.5, 0.125, 0.25, 0.375, 0.5),))


def test_a_line_has_the_shape_that_is_promised(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    JsonLines().write(Answer("photo.jpg", {"fruit": FRUIT, "cutlery": CUTLERY}))
    line = capsysbinary.readouterr().out
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert "äpfel".encode() in line
    box = {"left": 0.125, "top": 0.25, "width": 0.375, "height": 0.5}
    assert json.loads(line) == {
        "frame": "photo.jpg",
        "predictions": {
            "fruit": {
                "task": "multilabel",
                "label": "birnen",
                "probability": 0.75,
                "labels": [
                    {"label": "birnen", "probability": 0.75},
                    {"label": "äpfel", "probability": 0.25},
                ],
            },
            "cutlery": {
                "task": "detection",
                "boxes": [{"label": "fork", "probability": 0.5, **box}],
            },
        },
    }


def test_an_unread_picture_is_a_line_of_its_own() -> None:
    answer = Answer("x.jpg", error=PictureError("x.jpg", "it is not a picture."))
    assert answer.to_dict() == {"frame": "x.jpg", "error": "x.jpg: it is not a picture."}


def test_complaints_are_about_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    Complaints().write(Answer("photo.jpg", {"fruit": FRUIT}))
    Complaints().write(Answer("x.jpg", error=PictureError("x.jpg", "it is\nnot a picture.")))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "trunkline: x.jpg: it is not a picture.\n"


def test_numbers_that_json_lacks_become_null() -> None:
    line = json_line({"a": math.nan, "b": [math.inf, 1.5], "c": {"d": (-math.inf, "NaN")}})
    assert json.loads(line) == {"a": None, "b": [None, 1.5], "c": {"d": [None, "NaN"]}}


def test_a_file_name_that_is_not_utf_8_comes_back_as_it_was() -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    line = json_line({"frame": name})
    assert os.fsencode(json.loads(line.decode("utf-8"))["frame"]) == b"caf\xe9.jpg"


@given(st.text(st.characters(codec=None)))
def test_any_text_survives_on_one_line(text: str) -> None:
    line = json_line({"frame": text}).decode("utf-8")
    assert "\n" not in line
    assert json.loads(line)["frame"] == _as_json_reads(text)


def _as_json_reads(text: str) -> str:
    """Pair surrogates up, as two escapes in a row are read."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
