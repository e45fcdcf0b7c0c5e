# SPDX-License-Identifier: Apache-2.0
"""Small ONNX models for the tests of reading, and how they are run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trunkline.exports.network import Network

node = helper.make_node
PICTURE = ("N", 3, 17, 14)


def values(*shape: int, seed: int = 0) -> np.ndarray:
    """Return seeded float32 values around 0."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def output(name: str, dtype: int = TensorProto.FLOAT, shape: Sequence | None = None):
    """Declare an output, of unknown rank unless told."""
    return helper.make_tensor_value_info(name, dtype, shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    opset: int = 13,
    shape: Sequence | None = PICTURE,
    dtype: int = TensorProto.FLOAT,
    outputs: Sequence = ("out",),
    more_inputs: Sequence = (),
) -> onnx.ModelProto:
    """Return a model that takes ``data``; outputs are names or declarations."""
    declared = [output(o) if isinstance(o, str) else o for o in outputs]
    inputs = [helper.make_tensor_value_info("data", dtype, shape), *more_inputs]
    weights = [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "test", inputs, declared, weights)
    opsets = [("", opset), ("ai.onnx.ml", 1), ("com.microsoft", 1)]
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(*pair) for pair in opsets],
        ir_version=3 if opset < 7 else 8,
    )


def classifier(opset: int = 13) -> onnx.ModelProto:
    """Return a convolution, a pooling, a dense layer of 3 labels and a softmax."""
    nodes = [
        node("Conv", ["data", "kernel", "shift"], ["conv"], kernel_shape=[3, 3], strides=[2, 2]),
        node("Relu", ["conv"], ["relu"]),
        node("MaxPool", ["relu"], ["pool"], kernel_shape=[3, 3], strides=[2, 2]),
        node("GlobalAveragePool", ["pool"], ["mean"]),
        node("Flatten", ["mean"], ["flat"], axis=1),
        node("Gemm", ["flat", "dense", "bias"], ["scores"], transB=1),
        node("Softmax", ["scores"], ["out"], axis=1),
    ]
    return model(nodes, weights(), opset=opset)


def weights() -> dict[str, np.ndarray]:
    """Return the constants of ``classifier``."""
    return {
        "kernel": values(4, 3, 3, 3),
        "shift": values(4, seed=1),
        "dense": values(3, 4, seed=2),
        "bias": values(3, seed=3),
    }


def saved(made: onnx.ModelProto, folder: Path) -> Path:
    """Write a model; return its file."""
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def run(network: Network, *tensors: np.ndarray) -> list[np.ndarray]:
    """Run a graph in float32."""
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(network.graph, "CPU", exact)
    return [np.array(value) for value in compiled(list(tensors)).values()]


def names(network: Network) -> list[set[str]]:
    """Return the names of each output."""
    return [port.get_names() for port in network.graph.outputs]


def windows(picture: np.ndarray, kernel: list[int], strides: list[int]) -> np.ndarray:
    """Return (batch, channels, rows, columns, kernel rows, kernel columns)."""
    every = np.lib.stride_tricks.sliding_window_view(picture, kernel, (2, 3))
    return every[:, :, :: strides[0], :: strides[1]]


def normalisation(x, scale, shift, mean, variance, epsilon, **_):
    """Return what BatchNormalization makes of ``x`` outside training."""
    scale, shift, mean, variance = (v[:, None, None] for v in (scale, shift, mean, variance))
    return (x - mean) / np.sqrt(variance + np.float32(epsilon)) * scale + shift
