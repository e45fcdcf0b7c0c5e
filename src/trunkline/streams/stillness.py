# SPDX-License-Identifier: Apache-2.0
"""Whether two frames show the same, measured on thumbnails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["difference", "thumbnail"]

_SIDE = 32
_SAMPLES = 8  # pixels per thumbnail pixel and axis; reading all of a large frame takes too long


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a small picture of a frame, each pixel the mean of up to 64 from its place.

    Args:
        pixels: uint8 array of shape (height, width, 3).

    Returns:
        float32 array of shape (at most 32, at most 32, 3), 0 to 255.
    """
    rows, row_starts = _samples(pixels.shape[0])
    columns, column_starts = _samples(pixels.shape[1])
    sampled = pixels[rows][:, columns].astype(np.float32)
    sums = np.add.reduceat(np.add.reduceat(sampled, row_starts), column_starts, axis=1)
    row_counts = np.diff(row_starts, append=len(rows))
    column_counts = np.diff(column_starts, append=len(columns))
    mean: NDArray[np.float32] = sums / (row_counts[:, None, None] * column_counts[:, None])
    return mean.astype(np.float32)


def difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the mean absolute difference of two thumbnails, 0 to 255.

    Infinite where the frames have different shapes.
    """
    if one.shape != other.shape:
        return float("inf")
    return float(np.abs(one - other).mean())


def _samples(length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which rows or columns are read, and where among them each thumbnail pixel begins."""
    cells = min(_SIDE, length)
    count = min(cells * _SAMPLES, length)
    places = (np.arange(count) * length) // count
    starts = -(-np.arange(cells) * count // cells)
    return places.astype(np.intp), starts.astype(np.intp)
