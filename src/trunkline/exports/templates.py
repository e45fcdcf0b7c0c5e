# SPDX-License-Identifier: Apache-2.0
"""Recognising a frozen graph whose trunk is known already, without reading it as a graph.

Two exports of one network by one exporter are the same bytes but for the two constants of the
dense head. A template is the bytes of one of them with two holes in it. A file that is the same
everywhere else, and has constants of fitting shapes in the holes, is the same network with another
head; nothing needs to be hashed, converted or compiled to know that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf.message import DecodeError

from trunkline.exports.messages import GraphDef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["HeadConstants", "Template", "make_template"]

# GraphDef: repeated NodeDef node = 1, each as this tag, a length and the message.
_NODE_TAG = 0x0A
_FLOAT = 1  # DataType.DT_FLOAT


@dataclass(frozen=True, eq=False)
class HeadConstants:
    """The constants of a dense head, as stored.

    Attributes:
        weights: float32 of shape (features, labels).
        bias: float32 of shape (labels,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Template:
    """The bytes of a frozen graph around the constants of its dense head.

    Attributes:
        pieces: What comes before, between and behind the two constants.
        names: The constants' names, in the order of the file.
        features: How many features the head takes.
    """

    pieces: tuple[bytes, bytes, bytes]
    names: tuple[str, str]
    features: int

    def match(self, data: bytes) -> HeadConstants | None:
        """Return the constants in the holes; None where ``data`` is not this network."""
        first, second, last = self.pieces
        if not data.startswith(first) or not data.endswith(last):
            return None
        one = _message(data, len(first))
        if one is None or data[one[1] : one[1] + len(second)] != second:
            return None
        other = _message(data, one[1] + len(second))
        if other is None or other[1] + len(last) != len(data):
            return None
        return self._constants(data[slice(*one)], data[slice(*other)])

    def _constants(self, one: bytes, other: bytes) -> HeadConstants | None:
        found = [_constant(text, name) for text, name in zip((one, other), self.names, strict=True)]
        by_rank = {values.ndim: values for values in found if values is not None}
        weights, bias = by_rank.get(2), by_rank.get(1)
        if weights is None or bias is None or weights.shape != (self.features, len(bias)):
            return None
        return HeadConstants(weights, bias)


def make_template(
    data: bytes, weights: NDArray[np.float32], bias: NDArray[np.float32]
) -> Template | None:
    """Make a template of a frozen graph.

    Args:
        data: The file.
        weights: The weights of its dense head, float32 of shape (features, labels).
        bias: Its bias, float32 of shape (labels,).

    Returns:
        None where the two are not found in the file, each exactly once.
    """
    wanted = {2: weights, 1: bias}
    holes: list[tuple[int, int, str, int]] = []
    nodes = list(_nodes(data))
    if not nodes or GraphDef.FromString(data[nodes[-1][1] :]).node:
        return None  # nodes behind other fields: nothing known writes them so
    for start, stop in nodes:
        node = _parsed(data[start:stop])
        values = _values(node)
        if values is not None and np.array_equal(wanted.get(values.ndim, _NOTHING), values):
            holes.append((start, stop, node.name, values.ndim))
    if sorted(rank for *_, rank in holes) != [1, 2]:
        return None
    (start, stop, name, _), (start_2, stop_2, name_2, _) = holes
    begin, begin_2 = _tag_before(data, start, stop), _tag_before(data, start_2, stop_2)
    pieces = (data[:begin], data[stop:begin_2], data[stop_2:])
    return Template(pieces, (name, name_2), weights.shape[0])


_NOTHING = np.zeros(0, np.float32)


def _nodes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each node's message starts and stops, up to the first field that is none."""
    at = 0
    while (found := _message(data, at)) is not None:
        yield found
        at = found[1]


def _message(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the message of the node at a position starts and stops."""
    if at >= len(data) or data[at] != _NODE_TAG:
        return None
    length = shift = 0
    for position in range(at + 1, min(at + 6, len(data))):
        length |= (data[position] & 0x7F) << shift
        shift += 7
        if data[position] < 0x80:
            stop = position + 1 + length
            return (position + 1, stop) if stop <= len(data) else None
    return None


def _tag_before(data: bytes, start: int, stop: int) -> int:
    """Return where the field of a message that starts at a position begins."""
    return next(at for at in range(start - 2, -1, -1) if _message(data, at) == (start, stop))


def _parsed(text: bytes) -> Any:  # noqa: ANN401 - a class made at run time
    node = GraphDef().node.add()
    try:
        node.ParseFromString(text)
    except DecodeError:
        node.Clear()
    return node


def _constant(text: bytes, name: str) -> NDArray[np.float32] | None:
    node = _parsed(text)
    return _values(node) if node.name == name else None


def _values(node: Any) -> NDArray[np.float32] | None:  # noqa: ANN401 - a class made at run time
    """Return a float constant's values; None for anything else, or stored in another way."""
    if node.op != "Const" or set(node.attr) != {"dtype", "value"} or node.input:
        return None
    tensor = node.attr["value"].tensor
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    # A tensor of one value is stored as a number, any other as bytes.
    stored = tensor.tensor_content or np.array(tensor.float_val, "<f4").tobytes()
    if tensor.dtype != _FLOAT or len(stored) != 4 * math.prod(shape):
        return None
    return np.frombuffer(stored, "<f4").reshape(shape)
