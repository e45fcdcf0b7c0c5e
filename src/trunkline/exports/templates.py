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
        shells: The two constants without their values, in the order of the file.
        features: How many features the head takes.
    """

    pieces: tuple[bytes, bytes, bytes]
    shells: tuple[bytes, bytes]
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

    def _constants(self, *texts: bytes) -> HeadConstants | None:
        nodes = [_parsed(text) for text in texts]
        found = [_values(node) for node in nodes]
        by_rank = {values.ndim: values for values in found if values is not None}
        weights, bias = by_rank.get(2), by_rank.get(1)
        if weights is None or bias is None or weights.shape != (self.features, len(bias)):
            return None
        if tuple(_shell(node) for node in nodes) != self.shells:
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
    holes: list[tuple[int, int, bytes, int]] = []
    nodes = list(_nodes(data))
    if not nodes or GraphDef.FromString(data[nodes[-1][1] :]).node:
        return None  # nodes behind other fields: nothing known writes them so
    for start, stop in nodes:
        node = _parsed(data[start:stop])
        values = _values(node)
        if values is not None and np.array_equal(wanted.get(values.ndim, _NOTHING), values):
            holes.append((start, stop, _shell(node), values.ndim))
    if sorted(rank for *_, rank in holes) != [1, 2]:
        return None
    (start, stop, shell, _), (start_2, stop_2, shell_2, _) = holes
    begin, begin_2 = _tag_before(data, start, stop), _tag_before(data, start_2, stop_2)
    pieces = (data[:begin], data[stop:begin_2], data[stop_2:])
    return Template(pieces, (shell, shell_2), weights.shape[0])


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
        node.Clear()  # no constant, so no match
    return node


def _shell(node: Any) -> bytes:  # noqa: ANN401 - a class made at run time
    """Return a constant without its values: its name, types and whatever else is in it."""
    shell = type(node)()
    shell.CopyFrom(node)
    tensor = shell.attr["value"].tensor
    for field in ("tensor_shape", "tensor_content", "float_val"):
        tensor.ClearField(field)
    text: bytes = shell.SerializeToString(deterministic=True)
    return text


def _values(node: Any) -> NDArray[np.float32] | None:  # noqa: ANN401 - a class made at run time
    """Return a float constant's values; None for anything else, or stored in another way."""
    if node.op != "Const" or set(node.attr) != {"dtype", "value"} or node.input:
        return None
    tensor = node.attr["value"].tensor
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    # A tensor of one value is stored as a number, any other as bytes.
    stored = tensor.tensor_content or np.array(tensor.float_val, "<f4").tobytes()
    both = bool(tensor.tensor_content) and bool(tensor.float_val)
    if tensor.dtype != _FLOAT or len(stored) != 4 * math.prod(shape) or both:
        return None
    return None if _says_more(tensor) else np.frombuffer(stored, "<f4").reshape(shape)


def _says_more(tensor: Any) -> bool:  # noqa: ANN401 - a class made at run time
    """Tell whether a tensor's shape holds anything but lengths."""
    plain = type(tensor)()
    for dimension in tensor.tensor_shape.dim:
        plain.tensor_shape.dim.add(size=dimension.size)
    same: bool = plain.tensor_shape.SerializeToString() == tensor.tensor_shape.SerializeToString()
    return not same
