# SPDX-License-Identifier: Apache-2.0
"""How programs that run exports by hand make a picture ready.

Written for the benchmarks from the documented steps, apart from ``trunkline.images``, so that
equal answers say something.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

__all__ = ["container_2018", "container_2018_by_pixel", "container_2024", "decoded"]

_SQUARE = 256
_CROP = 227
_OFFSET = _SQUARE // 2 - _CROP // 2 - 1


def decoded(picture: Path | Pixels) -> Pixels:
    """Return a picture as uint8 of shape (height, width, 3), RGB, upright."""
    if not isinstance(picture, Path):
        return picture
    with Image.open(picture) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def container_2018_by_pixel(picture: Pixels) -> Pixels:
    """Make the input of a classifier of 2017 to 2019, as the exported containers do: in a loop.

    Their ``predict.py`` needs no OpenCV; it blends each of 256 x 256 pixels in Python, then crops.
    It is what most programs around these exports carry to this day.

    Args:
        picture: RGB, of 257 to 1599 pixels a side.

    Returns:
        uint8 array of shape (227, 227, 3), BGR.
    """
    _check_size(picture)
    picture = picture[:, :, ::-1]
    ratio, top, left = _square(picture)
    square = np.empty((_SQUARE, _SQUARE, 3), np.uint8)
    for row in range(_SQUARE):
        for column in range(_SQUARE):
            square[row, column] = _blended(picture, row, column, ratio, top, left)
    return square[_OFFSET : _OFFSET + _CROP, _OFFSET : _OFFSET + _CROP]


def _blended(picture: Pixels, row: int, column: int, ratio: float, top: int, left: int) -> Pixels:
    y, below = _position(row, ratio, top, picture.shape[0])
    x, right = _position(column, ratio, left, picture.shape[1])
    next_y, next_x = min(y + 1, picture.shape[0] - 1), min(x + 1, picture.shape[1] - 1)
    upper = right * picture[y, next_x] + (1.0 - right) * picture[y, x]
    lower = right * picture[next_y, next_x] + (1.0 - right) * picture[next_y, x]
    blend: NDArray[np.float64] = below * lower + (1.0 - below) * upper
    return blend.astype(np.uint8)


def _position(index: int, ratio: float, origin: int, length: int) -> tuple[int, float]:
    """Return the input pixel under an output pixel's middle, and the share of the one after it."""
    middle = (index + 0.5) * ratio - 0.5
    near = int(middle)
    if near + origin >= length - 1:
        return length - 1, 0.0
    return near + origin, middle - near


def container_2018(picture: Pixels) -> Pixels:
    """Do the same with numpy, for whole rows and columns at once: what a careful person would."""
    _check_size(picture)
    ratio, top, left = _square(picture)
    rows, below = _positions(ratio, top)
    columns, right = _positions(ratio, left)
    right = right[:, None]
    below = below[:, None, None]

    def across(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        band = picture.take(rows, axis=0)
        return right * band.take(columns + 1, axis=1) + (1.0 - right) * band.take(columns, axis=1)

    blend = below * across(rows + 1) + (1.0 - below) * across(rows)
    square: Pixels = blend.astype(np.uint8)
    return square[:, :, ::-1]


def _positions(ratio: float, origin: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return what ``_position`` does, for the outputs that the crop keeps.

    These lie at least 14 outputs from the edge, so the pixel after each is always in the picture.
    """
    outputs = np.arange(_OFFSET, _OFFSET + _CROP, dtype=np.float64)
    middles = (outputs + 0.5) * ratio - 0.5
    near = middles.astype(np.intp)
    shares: NDArray[np.float64] = middles - near
    return near + origin, shares


def container_2024(picture: Pixels, side: int) -> Pixels:
    """Make the input of a classifier of 2024-2025: shorter side to the input's, centre crop.

    Args:
        picture: RGB.
        side: The graph's rows and columns.

    Returns:
        uint8 array of shape (side, side, 3), BGR.
    """
    height, width = picture.shape[:2]
    shorter = min(height, width)
    size = (width * side // shorter, height * side // shorter)
    resized = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    top, left = (size[1] - side) // 2, (size[0] - side) // 2
    return resized[top : top + side, left : left + side, ::-1]


def _square(picture: Pixels) -> tuple[float, int, int]:
    """Return input pixels per output pixel, and the first row and column of the centre square."""
    height, width = picture.shape[:2]
    ratio = min(height, width) / _SQUARE
    return ratio, int(0.5 * (height - ratio * _SQUARE)), int(0.5 * (width - ratio * _SQUARE))


def _check_size(picture: Pixels) -> None:
    """Refuse what the steps left out here are for: shrinking to 1600, and enlarging."""
    if min(picture.shape[:2]) <= _SQUARE or max(picture.shape[:2]) >= 1600:
        raise ValueError(f"give a picture of 257 to 1599 pixels a side, not {picture.shape[:2]}")
