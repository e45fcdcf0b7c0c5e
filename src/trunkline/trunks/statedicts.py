# SPDX-License-Identifier: Apache-2.0
"""Reading PyTorch's files of weights without PyTorch, and without running what is in them.

A state dict is a dictionary from names to arrays. ``torch.save`` writes it in two forms. The old
one is five pickles (a magic number, a version, a note on the machine, the dictionary, the keys of
the storages) and then the storages, each behind its length. The new one is a zip with the
dictionary in ``data.pkl`` and each storage in a file ``data/<key>``. Source: PyTorch's
``torch/serialization.py``.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from trunkline.errors import ExportError
from trunkline.trunks.pickles import ArrayDescription, Storage, unpickle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray


__all__ = ["StateDict", "parse_state_dict", "read_weights"]

StateDict = dict[str, "NDArray[np.generic]"]

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_MOST_BYTES = 2**30  # ten times the largest trunk that makes sense on a processor


def read_weights(path: Path) -> bytes:
    """Read a file of weights as it is, for ``parse_state_dict``.

    Raises:
        ExportError: The file cannot be read, or is larger than 1 GiB.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ExportError(path, "it is larger than 1 GiB, and no trunk is that large.")
        return path.read_bytes()
    except OSError as error:
        raise ExportError(path, f"it cannot be read ({error.strerror}).") from error


def parse_state_dict(data: bytes, source: str | Path) -> StateDict:
    """Read weights out of the bytes of a ``.pth`` or ``.pt`` file.

    Args:
        data: What ``torch.save(model.state_dict(), path)`` wrote.
        source: The file, for messages.

    Returns:
        By name, arrays that cannot be written to and share the memory of ``data``.

    Raises:
        ExportError: The file is damaged, or holds anything but named arrays.
    """
    read = _read_zip if data.startswith(b"PK\x03\x04") else _read_legacy
    try:
        return read(data, source)
    except ExportError:
        raise
    except Exception as error:  # the bytes may be anything
        raise _damaged(source, f"{type(error).__name__}: {error}") from error


def _damaged(source: str | Path, why: str) -> ExportError:
    return ExportError(source, f"it is damaged ({why}). Install the package it comes from again.")


def _read_legacy(data: bytes, source: str | Path) -> StateDict:
    stream = io.BytesIO(data)
    if not data.startswith(b"\x80") or unpickle(stream, source) != _MAGIC:
        raise ExportError(source, "it is not a file that PyTorch's torch.save has written.")
    if unpickle(stream, source) != _VERSION:
        raise ExportError(source, "it is of a version of torch.save's format that is not known.")
    match unpickle(stream, source):
        case {"little_endian": True}:
            pass
        case _:
            raise ExportError(source, "it was written on a machine with another byte order.")
    described = _described(unpickle(stream, source), source)
    keys = unpickle(stream, source)
    if not isinstance(keys, list):
        raise _damaged(source, "the list of storages is none")
    contents = _storages_behind(stream, keys, _storages(described.values(), source), source)
    return {name: _array(each, contents, source) for name, each in described.items()}


def _storages_behind(
    stream: io.BytesIO, keys: Iterable[object], storages: Mapping[str, Storage], source: str | Path
) -> dict[str, memoryview]:
    """Return each storage's bytes, in the order of ``keys``, each behind its length."""
    contents: dict[str, memoryview] = {}
    memory, position = memoryview(stream.getvalue()), stream.tell()
    for key in keys:
        if not isinstance(key, str) or key not in storages or key in contents:
            raise _damaged(source, "a storage belongs to no array")
        storage = storages[key]
        begin = position + 8
        if int.from_bytes(memory[position:begin], "little") != storage.size:
            raise _damaged(source, "a storage has another length than its arrays say")
        position = begin + storage.size * np.dtype(storage.dtype).itemsize
        contents[key] = memory[begin:position]
    return contents


def _read_zip(data: bytes, source: str | Path) -> StateDict:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        _refuse_inflating(entries.values(), len(data), source)
        pickles = [name for name in entries if name.endswith("data.pkl")]
        if len(pickles) != 1:
            raise ExportError(source, "it is a zip, and not one that torch.save has written.")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") != b"little":
            raise ExportError(source, "it was written on a machine with another byte order.")
        described = _described(unpickle(io.BytesIO(archive.read(pickles[0])), source), source)
        contents = {
            key: memoryview(archive.read(f"{folder}data/{key}"))
            for key in _storages(described.values(), source)
        }
    return {name: _array(each, contents, source) for name, each in described.items()}


def _refuse_inflating(entries: Iterable[zipfile.ZipInfo], size: int, source: str | Path) -> None:
    """Refuse what would grow on unpacking: PyTorch stores, and never compresses."""
    entries = list(entries)
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not stored or sum(entry.file_size for entry in entries) > size:
        raise ExportError(source, "it is a compressed zip, and torch.save compresses nothing.")


def _described(value: object, source: str | Path) -> dict[str, ArrayDescription]:
    if not isinstance(value, dict):
        raise ExportError(source, "it holds no dictionary of arrays.")
    found = {name: each for name, each in value.items() if isinstance(each, ArrayDescription)}
    if len(found) != len(value):
        raise ExportError(
            source, "it holds more than named arrays. Save the state_dict() of the model alone."
        )
    return found


def _storages(described: Iterable[ArrayDescription], source: str | Path) -> dict[str, Storage]:
    """Return the storages by key; no two may have a key in common."""
    storages: dict[str, Storage] = {}
    for each in described:
        if storages.setdefault(each.storage.key, each.storage) != each.storage:
            raise _damaged(source, "one storage is described in two ways")
    return storages


def _array(
    described: ArrayDescription, contents: Mapping[str, memoryview], source: str | Path
) -> NDArray[np.generic]:
    """Return the array that a description means, as a view of its storage."""
    content, dtype = contents.get(described.storage.key), np.dtype(described.storage.dtype)
    if content is None or len(content) != described.storage.size * dtype.itemsize:
        raise _damaged(source, "a storage is missing or cut short")
    if math.prod(described.shape) > described.storage.size:
        raise _damaged(source, "an array is larger than its storage")
    strides = [stride * dtype.itemsize for stride in described.strides]
    # NumPy refuses an array that would reach beyond the bytes.
    return np.ndarray(described.shape, dtype, content, described.offset * dtype.itemsize, strides)
