# SPDX-License-Identifier: Apache-2.0
"""Finding a dense head: the one layer that transfer learning put behind a trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from trunkline.graphs.rewriting import constant_of, static_shape

if TYPE_CHECKING:
    import openvino
    from numpy.typing import NDArray

__all__ = ["Activation", "DenseHead", "find_dense_head"]

Activation = Literal["none", "softmax", "sigmoid"]


@dataclass(frozen=True, eq=False)
class DenseHead:
    """``activation(features @ weights.T + bias)``.

    Attributes:
        features: The trunk's tensor that the head takes, of shape (1, features).
        weights: float32 of shape (labels, features).
        bias: float32 of shape (labels,).
        activation: What turns the sums into probabilities.
    """

    features: openvino.Output
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: Activation


def find_dense_head(graph: openvino.Model) -> DenseHead | None:
    """Return the dense head of a graph in normal form; None where it ends in anything else."""
    results = graph.get_results()
    if len(results) != 1:
        return None
    port = results[0].input_value(0)
    activation, port = _activation(port)
    bias, port = _bias(port)
    product = port.get_node()
    if product.get_type_name() != "MatMul" or any(product.get_attributes().values()):
        return None
    features, weights = product.input_value(0), constant_of(product.input_value(1))
    if weights is None or weights.ndim != 2 or weights.dtype != np.float32:
        return None
    labels = weights.shape[1]
    # A bias of another shape may make a matrix of the sums.
    shapes = static_shape(features), static_shape(results[0].input_value(0))
    if shapes != ([1, weights.shape[0]], [1, labels]):
        return None
    return DenseHead(
        features,
        np.ascontiguousarray(weights.T),
        np.broadcast_to(bias.reshape(-1), (labels,)).astype(np.float32),
        activation,
    )


def _activation(port: openvino.Output) -> tuple[Activation, openvino.Output]:
    node = port.get_node()
    match node.get_type_name():
        case "Sigmoid":
            return "sigmoid", node.input_value(0)
        case "Softmax" if node.get_attributes()["axis"] in {-1, 1}:
            return "softmax", node.input_value(0)
        case _:
            return "none", port


def _bias(port: openvino.Output) -> tuple[NDArray[np.float32], openvino.Output]:
    """Return the summand and what it is added to; zero where nothing is added."""
    node = port.get_node()
    if node.get_type_name() == "Add":
        summand = constant_of(node.input_value(1))
        if summand is not None and summand.dtype == np.float32:
            return summand, node.input_value(0)
    return np.zeros(1, np.float32), port
