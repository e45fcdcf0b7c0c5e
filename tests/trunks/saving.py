# SPDX-License-Identifier: Apache-2.0
"""PyTorch's two forms of a state dict, written byte by byte, so that each byte can be wrong."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

STORAGES = {
    "f4": "FloatStorage", "f2": "HalfStorage", "f8": "DoubleStorage", "i8": "LongStorage",
    "i4": "IntStorage", "i2": "ShortStorage", "i1": "CharStorage", "u1": "ByteStorage",
    "b1": "BoolStorage",
}  # fmt: skip
PROTOCOL, STOP = b"\x80\x02", b"."


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def dictionary(items: Mapping[str, bytes]) -> bytes:
    """Return an OrderedDict as PyTorch's state dicts are, with the versions on it."""
    pairs = b"".join(text(key) + value for key, value in items.items())
    versions = b"}(" + text("_metadata") + b"}u"
    return name("collections", "OrderedDict") + b")R(" + pairs + b"u" + versions + b"b"


def storage(kind: str, key: str, size: int, *more: bytes) -> bytes:
    described = text("storage"), name("torch", kind), text(key), text("cpu"), number(size)
    return tuple_of(*described, *more) + b"Q"


def tensor(stored: bytes, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0):
    hooks = name("collections", "OrderedDict") + b")R"
    axes = tuple_of(*map(number, shape)), tuple_of(*map(number, strides))
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    return rebuild + tuple_of(stored, number(offset), *axes, b"\x89", hooks) + b"R"


def pickled(value: bytes) -> bytes:
    return PROTOCOL + value + STOP


def described(arrays: Mapping[str, np.ndarray], *more: bytes) -> dict[str, bytes]:
    """Return each array as a tensor over a storage of its own, called 0, 1 and so on."""
    found = {}
    for key, (label, array) in enumerate(arrays.items()):
        strides = tuple(stride // array.itemsize for stride in array.strides)
        kind = STORAGES[array.dtype.str[1:]]
        stored = storage(kind, str(key), array.size, *more)
        found[label] = tensor(stored, array.shape, strides)
    return found


def contents(arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Return the bytes of each array's storage, in the order of memory."""
    return [array.tobytes("A") for array in arrays.values()]


def legacy(body: bytes, stored: list[tuple[int, bytes]], *, little: bytes = b"\x88") -> bytes:
    """Return a file of the old form.

    Args:
        body: The dictionary, as operations of a pickle.
        stored: Of each storage, the number of elements and the bytes.
        little: The operation that says whether the machine was little-endian.
    """
    magic = b"\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
    system = b"}(" + text("protocol_version") + number(1001) + text("little_endian") + little + b"u"
    keys = b"](" + b"".join(text(str(key)) for key in range(len(stored))) + b"e"
    heads = b"".join(map(pickled, (magic, number(1001), system, body, keys)))
    return heads + b"".join(struct.pack("<q", size) + data for size, data in stored)


def save_legacy(arrays: Mapping[str, np.ndarray]) -> bytes:
    sizes = [array.size for array in arrays.values()]
    body = dictionary(described(arrays, b"N"))
    return legacy(body, list(zip(sizes, contents(arrays), strict=True)))


def archive(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as written:
        for path, data in files.items():
            written.writestr(path, data)
    return stream.getvalue()


def save_zip(arrays: Mapping[str, np.ndarray]) -> bytes:
    files = {"w/data.pkl": pickled(dictionary(described(arrays))), "w/byteorder": b"little"}
    files |= {f"w/data/{key}": data for key, data in enumerate(contents(arrays))}
    return archive(files)
