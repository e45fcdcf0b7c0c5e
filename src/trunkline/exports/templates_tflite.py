# SPDX-License-Identifier: Apache-2.0
"""The head of a TensorFlow Lite model: two buffers, and the tensors whose shapes follow from them.

A flatbuffer's tables point to one another by distances, which change with the size of anything in
between, so two files are compared table by table. That takes the whole schema (TensorFlow's
``schema.fbs``): where a file has a table or a field that is not below, it has no template.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trunkline.exports.template_parts import (
    HeadConstants,
    Places,
    Step,
    Taken,
    label_axis,
    locate,
    take,
)
from trunkline.exports.tflite_check import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["find_head", "take_apart"]

# By table, its fields in order: the bytes of a number, "v" and the bytes of a vector's elements,
# "s" for a text, the name of a table, a name in brackets for a vector of tables, or "" for what
# must not be there.
_FIELDS: dict[str, tuple[str, ...]] = {
    "Model": (
        *("4", "[OperatorCode]", "[SubGraph]", "s", "[Buffer]", "v4", "[Metadata]"),
        "[SignatureDef]",
    ),
    "OperatorCode": ("1", "s", "4", "4"),
    "SubGraph": ("[Tensor]", "v4", "v4", "[Operator]", "s"),
    "Tensor": ("v4", "1", "4", "s", "Quantization", "1", "", "v4", "1"),
    "Quantization": ("v4", "v4", "v4", "", "", "", "4"),
    "Operator": ("4", "v4", "v4", "1", "Options", "v1", "1", "v1", "v4"),
    "Buffer": ("v1",),
    "Metadata": ("s", "4"),
    "SignatureDef": ("[TensorMap]", "[TensorMap]", "s", "", "4"),
    "TensorMap": ("s", "4"),
}
# By number in the union BuiltinOptions, the fields of an operator's own table.
_OPTIONS: dict[int, tuple[str, ...]] = {
    1: ("1", "4", "4", "1", "4", "4", "1"),  # Conv2D
    2: ("1", "4", "4", "4", "1", "4", "4"),  # DepthwiseConv2D
    5: ("1", "4", "4", "4", "4", "1"),  # Pool2D
    8: ("1", "1", "1", "1", "1"),  # FullyConnected
    9: ("4",),  # Softmax
    10: ("4", "1"),  # Concatenation
    11: ("1", "1"),  # Add
    17: ("v4",),  # Reshape
    21: ("1",),  # Mul
    22: (),  # Pad
    23: ("4", "4"),  # Gather
    26: (),  # Transpose
    27: ("1",),  # Reducer
    28: ("1", "1"),  # Sub
    29: ("1",),  # Div
    30: ("v4",),  # Squeeze
    32: ("4", "4", "4", "4", "4", "1"),  # StridedSlice
    35: ("4",),  # Split
    38: (),  # Dequantize
    39: (),  # MaximumMinimum
    48: (),  # Slice
    55: ("1",),  # Shape
    59: ("4", "4"),  # Pack
}
_OPTIONS_TYPE = 3  # the field of Operator that says which these are
# By number in BuiltinOperator, what a step of the head may be; all others are none of these.
_KINDS = {6: "DEQUANTIZE", 9: "FULLY_CONNECTED", 14: "LOGISTIC", 25: "SOFTMAX"}
_WIDTHS = {0: "<f4", 1: "<f2"}  # TensorType.FLOAT32, FLOAT16
_back, _size, _distance = (struct.Struct(kind).unpack_from for kind in ("<i", "<H", "<I"))


@dataclass(frozen=True, eq=False)
class _Tensor:
    """A tensor of the one subgraph."""

    table: Table
    shape: tuple[int, ...]
    kind: int
    buffer: int


@dataclass(frozen=True, eq=False)
class _Model:
    """The tables of a file that say where its constants are."""

    graph: Table
    tensors: list[_Tensor]
    buffers: list[Table]
    codes: list[Table]

    def values(self, tensor: _Tensor) -> NDArray[np.generic] | None:
        """Return a float constant; None for any other tensor."""
        start, size = self.buffers[tensor.buffer].vector(0)
        width = _WIDTHS.get(tensor.kind)
        if width is None or not size:
            return None
        return np.frombuffer(self.graph.data[start : start + size], width).reshape(tensor.shape)


def find_head(parts: tuple[bytes, ...], head: HeadConstants) -> Places | None:
    """Find a dense head in a TensorFlow Lite model of one graph."""
    model = _open(parts[0])
    shared = [tensor.buffer for tensor in model.tensors]
    constants = [
        (str(index), values)
        for index, tensor in enumerate(model.tensors)
        if shared.count(tensor.buffer) == 1 and (values := model.values(tensor)) is not None
    ]
    steps = [_step(operator, model.codes) for operator in model.graph.tables(3)]
    ends = set(map(str, model.graph.integers(2)))
    return locate(constants, steps, ends, head)


def take_apart(parts: tuple[bytes, ...], places: Places) -> Taken | None:
    """Take the contents of the two buffers out of a TensorFlow Lite model."""
    (data,) = parts
    model = _open(data)
    weights, bias = (model.tensors[int(name)] for name in (places.weights, places.bias))
    matrix, summand = model.values(weights), model.values(bias)
    if matrix is None or summand is None:
        return None
    walk = _Walk(data, summand.size)
    walk.heads.update(model.buffers[tensor.buffer].vector(0)[0] for tensor in (weights, bias))
    for name in places.shaped:
        table = model.tensors[int(name)].table
        walk.shapes.update(table.vector(field)[0] for field in (0, 7))
    walk.table(struct.unpack_from("<I", data)[0], _FIELDS["Model"])
    return take(matrix, summand, places, None, [data[4:8], *walk.pieces])


def _open(data: bytes) -> _Model:
    root = Table(data, struct.unpack_from("<I", data)[0])
    (graph,) = root.tables(2)
    tensors = [
        _Tensor(table, table.integers(0), table.number(1, "<b"), table.number(2, "<I"))
        for table in graph.tables(0)
    ]
    return _Model(graph, tensors, root.tables(4), root.tables(1))


def _step(operator: Table, codes: list[Table]) -> Step:
    code = codes[operator.number(0, "<I")]
    # The number grew out of a byte, which old files have and new ones fill with what fits.
    number = max(code.number(0, "<b"), code.number(3, "<i"))
    takes, gives = (tuple(map(str, operator.integers(field))) for field in (1, 2))
    return Step(_KINDS.get(number, f"operator {number}"), takes, gives)


class _Walk:
    """A walk over all tables, in an order that does not depend on where they are.

    Args:
        data: The file.
        labels: How many labels the head has.

    Attributes:
        heads: Where the vectors begin that are left out; each once.
        shapes: Where the shapes begin in which the number of labels is left out; each once.
        pieces: What was found.
    """

    def __init__(self, data: bytes, labels: int) -> None:
        self._data = memoryview(data)
        self._labels = labels
        self.heads: set[int] = set()
        self.shapes: set[int] = set()
        self.pieces: list[bytes | memoryview] = []

    def table(self, position: int, fields: Sequence[str]) -> None:
        """Take down a table, and all that it points to.

        Raises:
            ValueError: It has a field that is unknown, or lies outside the file.
            struct.error: Likewise.
        """
        places = self._places(position)
        self.pieces.append(bytes(map(bool, places)).rstrip(b"\0"))
        for offset, kind in zip(places, [*fields, *[""] * len(places)], strict=False):
            if not offset:
                continue
            place = position + offset
            if kind == "Options" and places[_OPTIONS_TYPE]:
                number = self._data[position + places[_OPTIONS_TYPE]]
                self.table(place + self._distance(place), _OPTIONS[number])
            else:
                self._field(place, kind)

    def _places(self, position: int) -> tuple[int, ...]:
        """Return where a table has its fields, from its own beginning; 0 for those left out."""
        layout = position - _back(self._data, position)[0]
        size = _size(self._data, max(layout, 0))[0]
        # OpenVINO refuses what is not aligned as the format says.
        if layout < 0 or position % 4 or layout % 2 or size % 2 or size < 4:
            raise ValueError("a table where none can be")
        return struct.unpack_from(f"<{size // 2 - 2}H", self._data, layout + 4)

    def _field(self, place: int, kind: str) -> None:
        if kind in {"1", "4"}:
            self._take(place, int(kind), aligned=int(kind))
        elif kind == "s":
            start = place + self._distance(place)
            self._take(start, 4 + self._distance(start) + 1)  # a zero ends it
        elif kind.startswith("v"):
            self._vector(place + self._distance(place), int(kind[1:]))
        elif kind.startswith("["):
            self._tables(place + self._distance(place), _FIELDS[kind[1:-1]])
        elif kind in _FIELDS:
            self.table(place + self._distance(place), _FIELDS[kind])
        else:
            raise ValueError("a field that is unknown")

    def _tables(self, start: int, fields: Sequence[str]) -> None:
        count = self._distance(start)
        self.pieces.append(b"%d" % count)
        places = range(start + 4, start + 4 + 4 * count, 4)
        offsets = struct.unpack_from(f"<{count}I", self._data, start + 4)
        for place, offset in zip(places, offsets, strict=True):
            self.table(place + offset, fields)

    def _vector(self, start: int, width: int) -> None:
        start, size = start + 4, width * self._distance(start)
        if start in self.heads:
            self.heads.discard(start)
        elif start in self.shapes:
            self.shapes.discard(start)
            self._shape(struct.unpack_from(f"<{size // 4}i", self._data, start))
        else:
            self._take(start, size)

    def _shape(self, shape: tuple[int, ...]) -> None:
        axis = label_axis(shape, self._labels)
        lengths = [None if place == axis else length for place, length in enumerate(shape)]
        self.pieces.append(repr(lengths).encode())

    def _take(self, start: int, size: int, aligned: int = 4) -> None:
        piece = self._data[start : start + size]
        if len(piece) != size or start % aligned:
            raise ValueError("a value where none can be")
        self.pieces.append(piece)

    def _distance(self, place: int) -> int:
        if place % 4:
            raise ValueError("a distance where none can be")
        distance: int = _distance(self._data, place)[0]
        return distance
