# SPDX-License-Identifier: Apache-2.0
"""A protobuf file without its large parts, which need no parsing to be compared.

Almost all bytes of a network are weights. What holds them is compared as it is in the file, and
only the rest is made into messages. Source of the encoding:
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Cut", "cut"]

_LARGE = 4096  # bytes
_NAMES = 256  # bytes


class _Wire(IntEnum):
    """How a field is written."""

    VARINT = 0
    EIGHT_BYTES = 1
    BYTES = 2
    FOUR_BYTES = 5


@dataclass(frozen=True, eq=False)
class Cut:
    """A file in three parts.

    Attributes:
        outer: The file's message without the one inside it that was cut.
        inner: That one, without its large fields.
        large: Where among its fields those were, and each of them.
    """

    outer: bytes
    inner: bytes
    large: list[bytes | memoryview]


def cut(data: bytes, inside: int | None, names: Sequence[str]) -> Cut:
    """Cut the large fields out of a message.

    Args:
        data: The file.
        inside: The number of the message in it that holds the large fields; None for itself.
        names: What is to stay: fields that hold one of these texts near their beginning or end.

    Raises:
        ValueError: That message is not there exactly once, or the file is damaged.
    """
    start, stop, outer = 0, len(data), b""
    if inside is not None:
        found = [field for field in _fields(data, 0, stop) if field[0] == inside]
        if len(found) != 1 or found[0][1] != _Wire.BYTES:
            raise ValueError("not one message to cut")
        _, _, begin, start, stop = found[0]
        outer = data[:begin] + data[stop:]
    wanted = [name.encode() for name in names]
    kept, large, at = [], list[memoryview](), []
    for index, (_, wire, begin, value, end) in enumerate(_fields(data, start, stop)):
        is_large = wire == _Wire.BYTES and end - begin >= _LARGE
        if is_large and not _is_named(data, value, end, wanted):
            large.append(memoryview(data)[begin:end])
            at.append(index)
        else:
            kept.append(data[begin:end])
    return Cut(outer, b"".join(kept), [repr(at).encode(), *large])


def _is_named(data: bytes, start: int, stop: int, texts: Sequence[bytes]) -> bool:
    """Tell whether a text is before or behind the values in a field, where its name is."""
    ends = data[start : min(start + _NAMES, stop)], data[max(stop - _NAMES, start) : stop]
    return any(text in end for text in texts for end in ends)


def _fields(data: bytes, at: int, stop: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield each field's number and wire type, and where it, its value and the next begin."""
    while at < stop:
        begin = at
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        value = at
        match wire:
            case _Wire.VARINT:
                _, at = _varint(data, at)
            case _Wire.EIGHT_BYTES:
                at += 8
            case _Wire.FOUR_BYTES:
                at += 4
            case _Wire.BYTES:
                length, value = _varint(data, at)
                at = value + length
            case _:
                raise ValueError("a wire type that is not in use")
        if at > stop:
            raise ValueError("a field beyond the end")
        yield number, wire, begin, value, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number, and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
        if shift > 63:
            raise ValueError("a number that does not end")
