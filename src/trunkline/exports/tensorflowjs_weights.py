# SPDX-License-Identifier: Apache-2.0
"""The weights of a TensorFlow.js model: a manifest in ``model.json``, values in shards beside it.

Source: ``decodeWeights`` of TensorFlow.js. A group's shards follow one another as if they were one
file; in it each weight follows the one before, little-endian. Quantised weights are stored as uint8
or uint16 and mean ``stored * scale + min``, or as float16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.errors import ExportError, UnsupportedExportError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_weights"]

_STORED = {"float32": "<f4", "int32": "<i4", "bool": "?"}
_QUANTISED = {"uint8": "<u1", "uint16": "<u2", "float16": "<f2"}
_AGAIN = "Export the model again."


@dataclass(frozen=True)
class _Weight:
    """One entry of the manifest.

    Attributes:
        name: Of the constant it belongs to.
        shape: Of its values.
        dtype: What its values are: ``"float32"``, ``"int32"`` or ``"bool"``.
        storage: How they lie in the shard, as NumPy calls it.
        scale: For values stored as integers; see the module.
        minimum: Likewise.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    storage: str
    scale: float = 1.0
    minimum: float = 0.0

    @property
    def size(self) -> int:
        """Bytes in the shard."""
        return math.prod(self.shape) * np.dtype(self.storage).itemsize

    def decode(self, stored: bytes) -> NDArray[np.generic]:
        """Return the values, of ``dtype``."""
        values = np.frombuffer(stored, self.storage).reshape(self.shape)
        if np.dtype(self.storage).kind != "u":
            return values.astype(self.dtype)
        # In float64 and rounded once, halves upwards, as JavaScript computes.
        scaled = values.astype(np.float64) * self.scale + self.minimum
        return (np.floor(scaled + 0.5) if self.dtype == "int32" else scaled).astype(self.dtype)


def read_weights(document: dict[str, Any], path: Path) -> dict[str, NDArray[np.generic]]:
    """Read all weights.

    Args:
        document: What a ``model.json`` holds.
        path: The ``model.json``; shards are looked for in its folder and below.

    Returns:
        float32, int32 or bool arrays by the name of their constant; quantised ones expanded.

    Raises:
        UnsupportedExportError: Weights are of a type that Trunkline cannot read.
        ExportError: The manifest is damaged, or shards are missing, too short or too long.
    """
    try:
        groups = [
            ([_weight(entry, path) for entry in group["weights"]], [str(p) for p in group["paths"]])
            for group in document["weightsManifest"]
        ]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ExportError(path, f"its weightsManifest is damaged. {_AGAIN}") from error
    weights: dict[str, NDArray[np.generic]] = {}
    for entries, names in groups:
        weights |= _read_group(entries, names, path)
    return weights


def _weight(entry: dict[str, Any], path: Path) -> _Weight:
    name, dtype, quantised = str(entry["name"]), entry["dtype"], entry.get("quantization")
    shape = tuple(int(length) for length in entry["shape"])
    if any(length < 0 for length in shape):
        raise ValueError(shape)
    kinds = _STORED if quantised is None else _QUANTISED
    stored = dtype if quantised is None else quantised["dtype"]
    if dtype not in _STORED or stored not in kinds or (quantised is not None and dtype == "bool"):
        raise UnsupportedExportError(
            path,
            f"its weights {name!r} are {dtype} stored as {stored}, which Trunkline cannot read.",
        )
    if quantised is None or stored == "float16":
        return _Weight(name, shape, dtype, kinds[stored])
    return _Weight(
        name, shape, dtype, kinds[stored], float(quantised["scale"]), float(quantised["min"])
    )


def _read_group(
    entries: list[_Weight], names: list[str], path: Path
) -> dict[str, NDArray[np.generic]]:
    content = b"".join(_shard(name, path) for name in names)
    needed = sum(entry.size for entry in entries)
    if len(content) != needed:
        relation = "cut short" if len(content) < needed else "of another model"
        raise ExportError(
            path,
            f"its weights ({', '.join(names)}) hold {len(content)} bytes where {needed} are "
            f"needed; they are {relation}. {_AGAIN}",
        )
    weights, start = {}, 0
    for entry in entries:
        weights[entry.name] = entry.decode(content[start : start + entry.size])
        start += entry.size
    return weights


def _shard(name: str, path: Path) -> bytes:
    """Read one shard; a link or a name that leads out of the model's folder is refused."""
    folder = path.parent.resolve()
    try:
        shard = (folder / name).resolve()
        if not shard.is_relative_to(folder):
            raise ExportError(path, f"its weights {name!r} lie outside of the model's folder.")
        return shard.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        raise ExportError(
            path, f"its weights {name!r} are missing. Put all files of the export in one folder."
        ) from error
