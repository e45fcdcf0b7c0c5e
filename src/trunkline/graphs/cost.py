# SPDX-License-Identifier: Apache-2.0
"""What an operation costs: multiply-accumulates, and bytes of weights."""

from __future__ import annotations

import math

import openvino

from trunkline.graphs.rewriting import constant_of, inputs_of, static_shape

__all__ = ["macs", "weight_bytes"]

_CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution"})
# What a length that is fixed only when a picture comes is taken for; detectors of the service
# run at about this many cells.
_OPEN_LENGTH = 16


def macs(node: openvino.Node) -> int:
    """Return the multiply-accumulates of one operation for one picture.

    Convolutions and products count as in the literature; anything else counts nothing, for it is
    bound by memory and small beside them.
    """
    kind = node.get_type_name()
    if kind in _CONVOLUTIONS:
        weights = static_shape(node.input_value(1))
        # (out, in, kernel...) or (groups, out, in, kernel...): each output takes in * kernel.
        per_output = math.prod(weights[1:] if kind == "Convolution" else weights[2:])
        return _length(node.output(0)) * per_output
    if kind == "MatMul":
        axis = -2 if node.get_attributes()["transpose_a"] else -1
        return _length(node.output(0)) * abs(static_shape(node.input_value(0))[axis])
    return 0


def weight_bytes(node: openvino.Node) -> int:
    """Return the bytes of the constants that an operation takes directly."""
    return sum(
        values.nbytes for port in inputs_of(node) if (values := constant_of(port)) is not None
    )


def _length(port: openvino.Output) -> int:
    return math.prod(_OPEN_LENGTH if n == -1 else n for n in static_shape(port))
