# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO does not check before it reads a TensorFlow Lite model.

It divides by the lengths of weights, and ends the process where one is zero. The file is a
flatbuffer, whose few tables that say these lengths are read here by hand; see TensorFlow's
``schema.fbs`` for the fields and FlatBuffers' "Internals" page for the layout.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Table", "check"]

# The numbers of the fields that are read.
_MODEL_SUBGRAPHS, _MODEL_BUFFERS = 2, 4
_SUBGRAPH_TENSORS = 0
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_SPARSITY = 0, 1, 2, 6
_BUFFER_DATA = 0
# Bytes per element, by number of the type; others are packed, or of no fixed size.
_WIDTHS = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 9: 1, 10: 8, 15: 4, 16: 2}
_MOST_TENSORS = 100_000
_signed, _short, _long = (struct.Struct(kind).unpack_from for kind in ("<i", "<H", "<I"))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a flatbuffer, at a position in its bytes."""

    data: bytes
    position: int

    def place(self, field: int) -> int | None:
        """Return where a field is; None where the table leaves it out."""
        # A file has thousands of tables, so what reads them does so in few steps.
        layout = self.position - _signed(self.data, self.position)[0]
        slot = 4 + 2 * field
        if slot >= _short(self.data, layout)[0]:
            return None
        offset: int = _short(self.data, layout + slot)[0]
        return self.position + offset if offset else None

    def vector(self, field: int) -> tuple[int, int]:
        """Return where the elements of a field begin, and how many there are."""
        place = self.place(field)
        if place is None:
            return 0, 0
        start = place + _long(self.data, place)[0]
        return start + 4, _long(self.data, start)[0]

    def integers(self, field: int) -> tuple[int, ...]:
        """Return a field of 32 bit integers."""
        start, count = self.vector(field)
        return struct.unpack_from(f"<{count}i", self.data, start)

    def tables(self, field: int) -> list[Table]:
        """Return a field of tables."""
        start, count = self.vector(field)
        offsets = struct.unpack_from(f"<{count}I", self.data, start)
        places = range(start, start + 4 * count, 4)
        return [Table(self.data, p + o) for p, o in zip(places, offsets, strict=True)]

    def number(self, field: int, kind: str) -> int:
        """Return a field of a number; 0 where the table leaves it out."""
        place = self.place(field)
        return 0 if place is None else int(struct.unpack_from(kind, self.data, place)[0])


def check(data: bytes, source: Path) -> None:
    """Make sure that a model can be handed to OpenVINO.

    Args:
        data: The whole file.
        source: What to name in messages.

    Raises:
        ExportError: It is damaged, or the shape of a constant does not fit its values.
    """
    try:
        model = Table(data, struct.unpack_from("<I", data)[0])
        sizes = [buffer.vector(_BUFFER_DATA)[1] for buffer in model.tables(_MODEL_BUFFERS)]
        sound = all(
            _fits(tensor, sizes[tensor.number(_TENSOR_BUFFER, "<I")]) for tensor in _tensors(model)
        )
    except (IndexError, ValueError, struct.error) as error:
        raise ExportError(source, "it is damaged, or only a part. Export it again.") from error
    if not sound:
        problem = "the shape of one of its weights does not fit its values. Export it again."
        raise ExportError(source, problem)


def _tensors(model: Table) -> list[Table]:
    found: list[Table] = []
    for subgraph in model.tables(_MODEL_SUBGRAPHS):
        found += subgraph.tables(_SUBGRAPH_TENSORS)
        if len(found) > _MOST_TENSORS:
            raise ValueError("more tensors than any model has")
    return found


def _fits(tensor: Table, size: int) -> bool:
    """Return whether a tensor's shape fits its ``size`` bytes of values; 0 are not a constant's."""
    shape = tensor.integers(_TENSOR_SHAPE)
    width = _WIDTHS.get(tensor.number(_TENSOR_TYPE, "<b"))
    if not size:
        return True
    if any(length <= 0 for length in shape):
        return False
    if width is None or tensor.place(_TENSOR_SPARSITY) is not None:
        return True
    return size == width * math.prod(shape)
