# SPDX-License-Identifier: Apache-2.0
"""The ``activation`` layers of Core ML.

Formulas: ``ActivationParams`` and the messages it holds, in Apple's Core ML format reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from openvino import opset13 as ops

from trunkline.exports.coreml_weights import UnsupportedLayerError, constant

if TYPE_CHECKING:
    from collections.abc import Callable

    import openvino

    from trunkline.exports.messages import Message

__all__ = ["activation"]


def activation(params: Message, value: openvino.Output) -> openvino.Output:
    """Build an ``ActivationParams``: a function of each value on its own.

    Raises:
        UnsupportedLayerError: Trunkline does not know the function.
    """
    kind = params.WhichOneof("NonlinearityType")
    if kind not in _FUNCTIONS:
        raise UnsupportedLayerError(f"applies the function {kind}, which Trunkline does not know")
    return _FUNCTIONS[kind](value, getattr(params, kind)).output(0)


def _linear(x: openvino.Output, params: Message) -> openvino.Node:
    return ops.add(ops.multiply(x, np.float32(params.alpha)), np.float32(params.beta))


def _scaled_tanh(x: openvino.Output, params: Message) -> openvino.Node:
    return ops.multiply(
        ops.tanh(ops.multiply(x, np.float32(params.beta))), np.float32(params.alpha)
    )


def _thresholded_relu(x: openvino.Output, params: Message) -> openvino.Node:
    return ops.select(ops.greater_equal(x, np.float32(params.alpha)), x, np.float32(0))


_FUNCTIONS: dict[str | None, Callable[[openvino.Output, Message], openvino.Node]] = {
    "ELU": lambda x, params: ops.elu(x, params.alpha),
    "PReLU": lambda x, params: ops.prelu(x, constant(params.alpha)),
    "ReLU": lambda x, _: ops.relu(x),
    "leakyReLU": lambda x, params: ops.prelu(x, np.array([params.alpha], np.float32)),
    "linear": _linear,
    "scaledTanh": _scaled_tanh,
    "sigmoid": lambda x, _: ops.sigmoid(x),
    "sigmoidHard": lambda x, p: ops.hard_sigmoid(x, np.float32(p.alpha), np.float32(p.beta)),
    "softplus": lambda x, _: ops.softplus(x),
    "softsign": lambda x, _: ops.softsign(x),
    "tanh": lambda x, _: ops.tanh(x),
    "thresholdedReLU": _thresholded_relu,
}
