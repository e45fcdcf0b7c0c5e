# SPDX-License-Identifier: Apache-2.0
"""The weights of a Core ML layer as constants of the graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from openvino import opset13 as ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openvino
    from numpy.typing import NDArray

    from trunkline.exports.messages import Message

__all__ = ["UnsupportedLayerError", "constant"]

_FLOAT_VALUE = b"\x0a"  # field 1, with a length before its bytes


class UnsupportedLayerError(Exception):
    """A layer does something that Trunkline cannot; the message is a verb phrase about it."""


def constant(weights: Message, shape: Sequence[int] | None = None) -> openvino.Output:
    """Return a layer's ``WeightParams`` as a constant with the bits of the file.

    Args:
        weights: The message; its values are in row-major order.
        shape: The shape that the layer's other fields call for; without it, one axis.

    Returns:
        float32 of that shape; float16 weights are converted in the graph.

    Raises:
        UnsupportedLayerError: The weights are quantised.
        ValueError: There are more or fewer weights than the shape has places.
    """
    if weights.HasField("quantization") or weights.rawValue or weights.int8RawValue:
        raise UnsupportedLayerError("has quantised weights, which Trunkline cannot read")
    if weights.float16Value:
        values = np.frombuffer(weights.float16Value, "<f2")
    else:
        values = _floats(weights)
    if shape is None:
        shape = [max(1, values.size)]
    if values.size != math.prod(shape):
        raise ValueError(f"it has {values.size} weights for the shape {list(shape)}")
    stored = ops.constant(values.reshape(shape))
    if values.dtype == np.float32:
        return stored.output(0)
    return ops.convert(stored, "f32").output(0)


def _floats(weights: Message) -> NDArray[np.float32]:
    """Return the values of ``floatValue``.

    They are taken out of the encoded message, where they lie side by side; from the field itself
    each would come as an object of Python, which takes most of the time of reading a network.
    """
    count = len(weights.floatValue)
    encoded: bytes = weights.SerializeToString()
    header = _FLOAT_VALUE + _varint(4 * count)
    if not encoded.startswith(header):  # nothing, or something before it
        return np.array(weights.floatValue, np.float32)
    return np.frombuffer(encoded, "<f4", count, len(header))


def _varint(number: int) -> bytes:
    """Return a number as protobuf writes it."""
    groups = [number >> shift & 0x7F for shift in range(0, max(1, number.bit_length()), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
