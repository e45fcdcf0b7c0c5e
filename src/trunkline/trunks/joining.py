# SPDX-License-Identifier: Apache-2.0
"""Putting a head on a trunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import openvino
from openvino import opset13 as ops

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trunkline.trunks.trunk import Trunk

__all__ = ["INPUT_NAME", "OUTPUT_NAMES", "with_head"]

INPUT_NAME = "Placeholder"
"""What the service's exports for TensorFlow call their input."""

OUTPUT_NAMES = frozenset({"loss", "model_outputs"})
"""What they call their output: the first for TensorFlow, the second for ONNX."""


def with_head(
    trunk: Trunk,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    activation: Literal["softmax", "sigmoid"],
) -> openvino.Model:
    """Return a classifier: a trunk, a dense layer, and what makes probabilities of its sums.

    Args:
        trunk: It is left as it is; its weights are shared.
        weights: float32 of shape (labels, features), for the trunk's features as they are.
        bias: float32 of shape (labels,).
        activation: ``"softmax"`` where the labels exclude each other, else ``"sigmoid"``.

    Returns:
        A network from the trunk's input, called ``Placeholder``, to float32 (1, labels), called
        both ``loss`` and ``model_outputs``.

    Raises:
        ValueError: Weights, bias and trunk do not fit together.
    """
    labels = len(bias)
    if weights.shape != (labels, trunk.features) or bias.shape != (labels,) or not labels:
        raise ValueError(
            f"weights of shape {weights.shape} and a bias of shape {bias.shape} "
            f"make no head for {trunk.features} features"
        )
    graph = trunk.graph.clone()
    features = graph.get_results()[0].input_value(0)
    # In normal form: weights of (features, labels), and a bias of full rank behind the product.
    kernel = ops.constant(np.ascontiguousarray(weights.T, np.float32))
    summand = ops.constant(np.ascontiguousarray(bias, np.float32).reshape(1, labels))
    sums = ops.add(ops.matmul(features, kernel, False, False), summand)  # noqa: FBT003
    answer = ops.softmax(sums, axis=1) if activation == "softmax" else ops.sigmoid(sums)
    answer.set_friendly_name("loss")
    answer.output(0).set_names(set(OUTPUT_NAMES))
    parameters = graph.get_parameters()
    parameters[0].output(0).set_names({INPUT_NAME})
    parameters[0].set_friendly_name(INPUT_NAME)
    return openvino.Model([answer], parameters, trunk.graph.get_friendly_name())
