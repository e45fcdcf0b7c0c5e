# SPDX-License-Identifier: Apache-2.0
"""What of ONNX opset 1 cannot be rewritten, and what is said then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from exports.onnx_models import model, node, saved
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.onnx import read

if TYPE_CHECKING:
    from pathlib import Path

THREE = {"w": np.ones(3, np.float32)}
POOL = {"kernel_shape": [3, 3], "strides": [2, 2]}
UNSUPPORTED = {
    r"Scan of ONNX opset 1\b": [node("Scan", ["data"], ["out"])],
    "Affine of": [node("Affine", ["data"], ["out"], alpha=1.0, beta=0.0)],
    "LegacyPadding of": [node("LegacyPadding", ["data"], ["out"], **POOL)],
    "BatchNormalization with statistics": [
        node("BatchNormalization", ["data", "w", "w", "w", "w"], ["out"], spatial=0)
    ],
    "MaxPool with dilations": [node("MaxPool", ["data"], ["out"], dilations=[2, 2], **POOL)],
    "FC with weights that are no matrix": [node("FC", ["data", "w", "w"], ["out"])],
    "Upsample in the mode bilinear": [
        node("Upsample", ["data"], ["out"], height_scale=2.0, width_scale=2.0, mode="bilinear")
    ],
}


@pytest.mark.parametrize("match", UNSUPPORTED)
def test_an_operation_that_cannot_be_upgraded_is_named(tmp_path: Path, match: str) -> None:
    with pytest.raises(UnsupportedExportError, match=match):
        read(saved(model(UNSUPPORTED[match], THREE, opset=1), tmp_path))


@pytest.mark.parametrize("shape", [None, ("N", 3, "height", "width")])
def test_a_size_that_must_be_known_is_asked_for(tmp_path: Path, shape: tuple | None) -> None:
    nodes = [node("LegacyPadding", ["data"], ["out"], domain="com.microsoft", **POOL)]
    with pytest.raises(UnsupportedExportError, match="shape of its tensor 'data' is not known"):
        read(saved(model(nodes, opset=1, shape=shape), tmp_path))


BROKEN = {
    "a ring": [node("Sum", ["data", "b"], ["out"]), node("Relu", ["out"], ["b"])],
    "no kernel": [node("LegacyPadding", ["data"], ["out"], domain="com.microsoft")],
    "a stride of zero": [
        node("LegacyPadding", ["data"], ["out"], domain="com.microsoft", kernel_shape=[2, 2],
             strides=[0, 0])
    ],
    "three operands": [node("Add", ["data", "w", "w"], ["out"])],
    "an unknown input": [node("Relu", ["nobody"], ["out"])],
    "a mask that was used": [
        node("Dropout", ["data"], ["kept", "mask"]), node("Sum", ["kept", "mask"], ["out"]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_graph_is_refused(tmp_path: Path, case: str) -> None:
    with pytest.raises(ExportError, match=r"damaged|depend on themselves"):
        read(saved(model(BROKEN[case], THREE, opset=1), tmp_path))
