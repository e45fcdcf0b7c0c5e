# SPDX-License-Identifier: Apache-2.0
"""Small OpenVINO graphs for the tests of reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.exports.contract import InputForm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trunkline.contracts import Layout

Node = openvino.Node


def taking(side: int, layout: Layout = "NHWC") -> InputForm:
    """Return the form of a square input."""
    return InputForm(layout, side, side, "float32")


def graph_of(
    build: Callable[[Node], Node | Sequence[Node]],
    shape: Sequence[int] = (-1, 3, 8, 8),
    dtype: str = "f32",
    names: Sequence[str] = (),
) -> openvino.Model:
    """Return a graph of one input; ``build`` makes its outputs, which ``names`` name."""
    taken = ops.parameter(list(shape), getattr(openvino.Type, dtype), name="data")
    built = build(taken)
    outputs = [built] if isinstance(built, openvino.Node) else list(built)
    for node, name in zip(outputs, names, strict=False):
        node.output(0).set_names({name})
    return openvino.Model([node.output(0) for node in outputs], [taken], "test")


def pooled(node: Node, labels: int, layout: str = "NCHW") -> Node:
    """Return (batch, labels): the mean over the picture times fixed weights."""
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    mean = ops.reduce_mean(node, ops.constant(np.array(axes)), keep_dims=False)
    weights = np.random.default_rng(0).normal(0, 0.01, (3, labels)).astype(np.float32)
    return ops.matmul(mean, ops.constant(weights), transpose_a=False, transpose_b=False)
