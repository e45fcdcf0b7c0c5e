# SPDX-License-Identifier: Apache-2.0
"""Which files are recognised at all; see also the test modules of the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trunkline.exports.package import ModelFormat
from trunkline.exports.reading import read_one
from trunkline.exports.templates import ModelFile, make_template, open_file
from trunkline.graphs.merging import outline

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = ("tensorflow", "onnx", "coreml", "tflite", "openvino")


@pytest.mark.parametrize("name", KNOWN)
def test_a_file_of_nonsense_makes_no_template(name: str) -> None:
    weights, bias = np.ones((4, 2), np.float32), np.ones(2, np.float32)
    for data in (b"", b"nonsense" * 9, bytes(64)):
        file = ModelFile(ModelFormat(name), (data,) * (2 if name == "openvino" else 1))
        assert make_template(file, weights, bias) is None


def test_a_file_is_opened_with_what_belongs_to_it(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_bytes(b"text")
    (tmp_path / "model.bin").write_bytes(b"weights")
    assert open_file(ModelFormat.TFLITE, tmp_path / "model.bin").parts == (b"weights",)
    assert open_file(ModelFormat.OPENVINO, tmp_path / "model.xml").parts == (b"text", b"weights")


def test_large_parts_are_hashed_only_where_all_else_is_alike(shared: Path) -> None:
    """A file of another form, on the same trunk, is told apart before that."""
    models = shared / "models"
    opened = [
        open_file(ModelFormat.TENSORFLOW, models / name / "model.pb")
        for name in ("fruit-2", "fruit-4", "lane-explicit-pad")
    ]
    model = read_one(models / "fruit-2", "fruit-2")
    head = outline(model.graph, model.contract).head
    template = make_template(opened[0], head.weights.T, head.bias)
    matches = [template.match(file) for file in opened]
    assert [match is not None for match in matches] == [True, True, False]
    taken = [file.take_apart(template.places) for file in opened]
    assert ["rest" in vars(each) for each in taken if each] == [True, True, False]


def test_what_cannot_be_read_is_left_to_the_full_reading(tmp_path: Path) -> None:
    assert open_file(ModelFormat.ONNX, tmp_path / "missing.onnx") is None
    assert open_file(ModelFormat.SAVEDMODEL, tmp_path) is None
