# SPDX-License-Identifier: Apache-2.0
"""Tables written here by hand, and TensorFlow's own."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trunkline.errors import ExportError
from trunkline.exports.messages import BundleEntry, BundleHeader
from trunkline.exports.savedmodel_variables import check, crc32c

if TYPE_CHECKING:
    from pathlib import Path

DAMAGED = "index of its variables is damaged"
HEADER = BundleHeader(num_shards=1).SerializeToString()
HERE = BundleEntry(shard_id=0, offset=0, size=8).SerializeToString()


def varint(value: int) -> bytes:
    text = bytearray()
    while value > 0x7F:
        text.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*text, value])


def pair(key: bytes, value: bytes, shared: int = 0, fresh: int | None = None, length=None) -> bytes:
    lengths = shared, len(key) if fresh is None else fresh, len(value) if length is None else length
    return b"".join(varint(n) for n in lengths) + key + value


def block(pairs: bytes, restarts: tuple[int, ...] = (0,), count: int | None = None) -> bytes:
    count = len(restarts) if count is None else count
    return pairs + struct.pack(f"<{len(restarts)}I", *restarts) + struct.pack("<I", count)


def stored(content: bytes, compression: int = 0) -> bytes:
    """Return a block with its compression and its checksum behind it."""
    checked = content + bytes([compression])
    value = crc32c(checked)
    return checked + struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def table(data: bytes, *, compression: int = 0, handle: bytes | None = None) -> bytes:
    """Return a table of one block of data, with its index and its footer."""
    first = stored(data, compression)
    handle = varint(0) + varint(len(data)) if handle is None else handle
    index = block(pair(b"~", handle))
    places = varint(0) + varint(0) + varint(len(first)) + varint(len(index))
    mark = bytes.fromhex("57fb808b247547db")
    return first + stored(index) + places.ljust(40, b"\0") + mark


def variables(folder: Path, index: bytes, size: int = 8) -> Path:
    (folder / "variables.index").write_bytes(index)
    (folder / "variables.data-00000-of-00001").write_bytes(bytes(size))
    return folder


def test_a_sound_table_passes(tmp_path: Path) -> None:
    pairs = pair(b"", HEADER) + pair(b"layer/bias", HERE) + pair(b"kernel", HERE, shared=6)
    check(variables(tmp_path, table(block(pairs))), tmp_path)


def test_no_table_is_no_fault(tmp_path: Path) -> None:
    check(tmp_path / "variables", tmp_path)


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"short",
        bytes(200),
        table(block(pair(b"a", HERE))),
        table(block(pair(b"", b"\xff") + pair(b"a", HERE))),
        table(block(pair(b"", HEADER) + pair(b"a", b"\xff"))),
        table(block(pair(b"", HEADER) + pair(b"a", HERE, shared=1))),
        table(block(pair(b"", HEADER) + pair(b"a", HERE, fresh=200))),
        table(block(pair(b"", HEADER) + pair(b"a", HERE, length=1 << 31))),
        table(block(pair(b"", HEADER), restarts=(3,))),
        table(block(pair(b"", HEADER), count=100)),
        table(block(pair(b"", HEADER), count=1 << 31)),
        table(b"ab"),
        table(block(pair(b"", HEADER)), compression=1),
        table(block(pair(b"", HEADER)), handle=varint(9) + varint(9)),
        table(block(pair(b"", HEADER)), handle=varint(1 << 62) + varint(1 << 62)),
        table(block(pair(b"", HEADER)), handle=b"\xff" * 5),
        table(block(pair(b"", HEADER)), handle=b"\x80" * 50 + b"\x01"),
        table(block(pair(b"", HEADER)), handle=b""),
    ],
    ids=[
        "empty", "short", "zeros", "no header", "no header message", "no entry", "shares too much",
        "key too long", "value too long", "begins elsewhere", "too many restarts",
        "far too many restarts", "no room for restarts", "compressed", "another place",
        "far outside", "a number without end", "a number too long", "no place",
    ],
)  # fmt: skip
def test_a_hostile_table_is_refused(index: bytes, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=DAMAGED):
        check(variables(tmp_path, index), tmp_path)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"shard_id": 1, "size": 8}, "data-00001-of-00001 is missing"),
        ({"shard_id": -1, "size": 8}, "is missing"),
        ({"size": 9}, "is cut short"),
        ({"offset": 1, "size": 8}, "is cut short"),
        ({"offset": -1, "size": 4}, "is cut short"),
        ({"offset": 4, "size": -1}, "is cut short"),
        ({"offset": 2**63 - 1, "size": 2**63 - 1}, "is cut short"),
    ],
)
def test_a_variable_that_is_not_there_is_refused(entry, problem, tmp_path: Path) -> None:
    pairs = pair(b"", HEADER) + pair(b"a", BundleEntry(**entry).SerializeToString())
    with pytest.raises(ExportError, match=problem):
        check(variables(tmp_path, table(block(pairs))), tmp_path)


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    pairs = pair(b"", HEADER) + pair(b"a", HERE)
    folder = variables(tmp_path, table(block(pairs)))
    (folder / "variables.data-00000-of-00001").unlink()
    with pytest.raises(ExportError, match=r"variables/variables\.data-00000-of-00001 is missing"):
        check(folder, tmp_path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """Three hundred variables as TensorFlow writes them."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("saved")
    names = [f"layer_{i // 3}/{'abc'[i % 3]}" for i in range(300)]
    tensors = [tf.constant(np.full(i % 7 + 1, i, np.float32)) for i in range(300)]
    prefix = str(folder / "variables")
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * 300, tensors=tensors
    )
    return folder


def test_what_tensorflow_writes_passes(saved: Path) -> None:
    assert (saved / "variables.index").stat().st_size > 5000
    check(saved, saved)


def test_a_changed_bit_in_what_tensorflow_wrote_is_found(saved: Path, tmp_path: Path) -> None:
    index = (saved / "variables.index").read_bytes()
    data = (saved / "variables.data-00000-of-00001").read_bytes()
    (tmp_path / "variables.data-00000-of-00001").write_bytes(data)
    random = np.random.default_rng(0)
    for place in random.integers(len(index) * 9 // 10, size=40):  # the end is partly padding
        changed = bytearray(index)
        changed[place] ^= 1 << random.integers(8)
        (tmp_path / "variables.index").write_bytes(changed)
        with pytest.raises(ExportError, match=DAMAGED):
            check(tmp_path, tmp_path)


def test_a_cut_data_file_is_found(saved: Path, tmp_path: Path) -> None:
    data = (saved / "variables.data-00000-of-00001").read_bytes()
    (tmp_path / "variables.index").write_bytes((saved / "variables.index").read_bytes())
    (tmp_path / "variables.data-00000-of-00001").write_bytes(data[:-1])
    with pytest.raises(ExportError, match="cut short"):
        check(tmp_path, tmp_path)


# RFC 3720, appendix B.4, and the check value that catalogues of checksums give.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_checksum_is_that_of_the_standard(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected
