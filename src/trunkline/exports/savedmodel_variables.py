# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO does not check before it reads a SavedModel's variables.

``variables.index`` lists them: by name, in which data file each is and where. It is a table of
blocks, in the format that LevelDB describes in ``doc/table_format.md``, with the entries of
TensorFlow's ``tensor_bundle.proto``. OpenVINO takes its lengths for granted and ends the process
where one is wrong.
"""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from trunkline.errors import ExportError
from trunkline.exports.messages import BundleEntry, BundleHeader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check", "crc32c"]

# The footer: where two blocks are, as varints in 40 bytes, and a number that marks such files.
_FOOTER = 48
_MARK = struct.pack("<Q", 0xDB4775248B80FB57)
# Behind each block: how it is compressed (0: not, as TensorFlow writes them) and its checksum.
_TRAILER = 5
_CASTAGNOLI = 0x82F63B78


def check(folder: Path, source: Path) -> None:
    """Make sure that a SavedModel's variables can be handed to OpenVINO.

    Args:
        folder: The folder ``variables``, which a SavedModel of constants does without.
        source: What to name in messages.

    Raises:
        ExportError: Their index is damaged, or a data file is missing or too short.
    """
    index = folder / "variables.index"
    if not index.is_file():
        return
    try:
        entries = dict(_entries(index.read_bytes()))
        shards = BundleHeader.FromString(entries.pop(b"")).num_shards
        places = [BundleEntry.FromString(value) for value in entries.values()]
    except (DecodeError, IndexError, KeyError, ValueError, struct.error) as error:
        problem = "the index of its variables is damaged. Export it again."
        raise ExportError(source, problem) from error
    for place in places:
        name = f"variables.data-{place.shard_id:05d}-of-{shards:05d}"
        if not 0 <= place.shard_id < shards or not (folder / name).is_file():
            raise ExportError(source, f"its variables/{name} is missing. Copy all of its files.")
        if min(place.offset, place.size) < 0 or (
            place.offset + place.size > (folder / name).stat().st_size
        ):
            raise ExportError(source, f"its variables/{name} is cut short. Copy it again.")


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a table."""
    footer = table[-_FOOTER:]
    if not footer.endswith(_MARK):
        raise ValueError("no footer")
    _, position = _handle(footer, 0)
    top, _ = _handle(footer, position)
    for _, value in _pairs(_block(table, *top)):
        yield from _pairs(_block(table, *_handle(value, 0)[0]))


def _block(table: bytes, offset: int, size: int) -> bytes:
    """Return what a block holds, its checksum compared."""
    end = offset + size
    if end + _TRAILER > len(table):
        raise ValueError("a block ends outside the file")
    compression, checksum = struct.unpack_from("<BI", table, end)
    if compression or _masked(crc32c(table[offset : end + 1])) != checksum:
        raise ValueError("a block is damaged")
    return table[offset:end]


def _pairs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block, each key given as its difference to the last."""
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    if end < 0 or any(block[end : end + 4]):
        raise ValueError("the block does not begin with its first key")
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        fresh, position = _varint(block, position)
        length, position = _varint(block, position)
        stop = position + fresh + length
        if shared > len(key) or stop > end:
            raise ValueError("a key or value ends outside its block")
        key = key[:shared] + block[position : position + fresh]
        yield key, block[position + fresh : stop]
        position = stop


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Read the offset and size of a block; return them and the position behind."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Read an integer, seven bits a byte; return it and the position behind."""
    value = shift = 0
    while (byte := data[position]) & 0x80:
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if shift > 63:
            raise ValueError("a number does not end")
    return value | byte << shift, position + 1


def crc32c(data: bytes) -> int:
    """Return the checksum of RFC 3720, with Castagnoli's polynomial."""
    table, value = _crc_table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _masked(checksum: int) -> int:
    """Return a checksum as LevelDB stores it, so that checksums of checksums are no trap."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


@functools.cache
def _crc_table() -> tuple[int, ...]:
    def remainder(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (_CASTAGNOLI if value & 1 else 0)
        return value

    return tuple(remainder(value) for value in range(256))
