# SPDX-License-Identifier: Apache-2.0
"""Which files are recognised at all; see also the test modules of the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trunkline.exports.package import ModelFormat
from trunkline.exports.templates import ModelFile, make_template, open_file

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


def test_what_cannot_be_read_is_left_to_the_full_reading(tmp_path: Path) -> None:
    assert open_file(ModelFormat.ONNX, tmp_path / "missing.onnx") is None
    assert open_file(ModelFormat.SAVEDMODEL, tmp_path) is None
