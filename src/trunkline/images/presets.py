# SPDX-License-Identifier: Apache-2.0
"""How a picture becomes the rectangle a graph takes: one function per ``Preset``.

Each follows the program that first ran such exports, step by step. Pillow's resize averages when
it shrinks (antialias); the ways of sampling in ``trunkline.images.sampling`` do not.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from trunkline.contracts import Preset
from trunkline.images.sampling import (
    bilinear,
    box_taps,
    corner_taps,
    half_pixel_taps,
    whole_blend,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.images.sampling import Blend, Taps

    Fitted = NDArray[np.uint8] | NDArray[np.float32]

__all__ = ["fit"]

_CONTAINER_2018_LIMIT = 1600
_CONTAINER_2018_SQUARE = 256
# The compact detector's network shrinks its input by 32, so its sides are multiples of that.
_DETECTOR_STRIDE = 32
# Of a strip longer than this many times what is kept of it, only the middle is resized.
_STRIP = 16


def fit(picture: NDArray[np.uint8], contract: InputContract) -> Fitted:
    """Resize and crop a picture as a contract's preset says.

    Args:
        picture: uint8 array of shape (height, width, 3), RGB, upright, C-contiguous.
        contract: Its preset, height and width are used.

    Returns:
        RGB array of shape (contract.height, contract.width, 3); for ``Preset.DETECTOR_COMPACT``
        the height and width follow the picture. uint8, except for the two of TensorFlow.js, which
        never rounds: float32, 0 to 255. It may share memory with ``picture``.
    """
    return _RULES[contract.preset](picture, contract.height, contract.width)


def _container_2018(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """At most 1600 pixels a side, centre square to 256 by point sampling, centre crop.

    The crop begins at ``256 // 2 - size // 2 - 1``, one pixel off the centre: 14 for 227. A graph
    larger than 256 gets a square of its own size. Source: predict.py of the containers exported
    from 2018-07 to 2019-03.
    """
    picture = _at_most_1600(picture)
    taps, blend = _container_2018_taps(*picture.shape[:2], height, width)
    if blend is not None:
        return blend(picture)
    sampled = bilinear(picture, *taps)
    # The container cast to uint8 at once, which cuts decimals off. What extrapolation carried past
    # 0 or 255 wrapped around there, differently from machine to machine; here it is clipped.
    return sampled.clip(0, 255, out=sampled).astype(np.uint8)


@lru_cache(maxsize=64)  # a camera's frames are all of one size
def _container_2018_taps(
    rows: int, columns: int, height: int, width: int
) -> tuple[tuple[Taps, Taps], Blend | None]:
    square = max(_CONTAINER_2018_SQUARE, height, width)
    ratio = min(rows, columns) / square
    top = int(0.5 * (rows - ratio * square))
    left = int(0.5 * (columns - ratio * square))
    taps = (
        half_pixel_taps(rows, top, ratio, _off_centre(square, height)),
        half_pixel_taps(columns, left, ratio, _off_centre(square, width)),
    )
    return taps, whole_blend(*taps)


def _off_centre(square: int, size: int) -> range:
    start = max(0, square // 2 - size // 2 - 1)
    return range(start, start + size)


def _at_most_1600(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    limit = _CONTAINER_2018_LIMIT
    if rows < limit and columns < limit:
        return picture
    # A side of a strip would become 0 pixels, on which the container failed.
    if rows > columns:
        size = (limit, max(1, limit * columns // rows))
    else:
        size = (max(1, limit * rows // columns), limit)
    halved = limit / max(rows, columns) >= 0.5
    method = Image.Resampling.BILINEAR if halved else Image.Resampling.BICUBIC
    return _resize(picture, *size, method)


def _container_2024(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Shorter side to the input size, aspect kept and the longer side cut to whole pixels; crop.

    Of a strip longer than 16 times the crop, the middle is taken first: resized whole, a picture
    of 1 x 5000 pixels would need 750 MB.
    """
    rows, columns = picture.shape[:2]
    needed_rows = math.ceil(columns * height / width)
    needed_columns = math.ceil(rows * width / height)
    picture = _centre(
        picture, min(rows, _STRIP * needed_rows), min(columns, _STRIP * needed_columns)
    )
    rows, columns = picture.shape[:2]
    # In whole numbers: a ratio in floating point may land one pixel short of the input size.
    if rows * width > columns * height:
        size = (rows * width // columns, width)
    else:
        size = (height, columns * height // rows)
    return _centre(_resize(picture, *size, Image.Resampling.BILINEAR), height, width)


def _stretch(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """To the input size, whatever the aspect, bilinear.

    The vendor's scripts name no filter, so theirs changed with Pillow: nearest before version 7,
    bicubic since. Source: predict.py in Azure-Samples/customvision-export-samples.
    """
    return _resize(picture, height, width, Image.Resampling.BILINEAR)


def _tensorflowjs(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Centre square by ``tf.image.cropAndResize``, which samples points from edge to edge.

    Source: ClassificationModel in src/index.js of @microsoft/customvision-tfjs.
    """
    rows, columns = picture.shape[:2]
    side = min(rows, columns)
    sampled = bilinear(picture, box_taps(rows, side, height), box_taps(columns, side, width))
    return sampled.astype(np.float32)


def _tensorflowjs_stretch(
    picture: NDArray[np.uint8], height: int, width: int
) -> NDArray[np.float32]:
    """To the input size by ``tf.image.resizeBilinear``, which samples points.

    Source: ObjectDetectionModel in src/index.js of @microsoft/customvision-tfjs.
    """
    rows, columns = picture.shape[:2]
    sampled = bilinear(picture, corner_taps(rows, height), corner_taps(columns, width))
    return sampled.astype(np.float32)


def _detector_compact(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """As many pixels as the contract's rectangle, aspect kept, each side up to a multiple of 32.

    Source: object_detection.py of the exports. It resizes with Pillow's default filter, which is
    bicubic since Pillow 7. It fails or asks for enormous sides on a strip narrower than 1:256; here
    a side is at least 32 and at most the number that makes the other 32.
    """
    rows, columns = picture.shape[:2]
    pixels = height * width
    ratio = math.sqrt(pixels / columns / rows)
    return _resize(
        picture,
        _aligned(rows * ratio, pixels),
        _aligned(columns * ratio, pixels),
        Image.Resampling.BICUBIC,
    )


def _aligned(side: float, pixels: int) -> int:
    stride = _DETECTOR_STRIDE
    longest = max(stride, pixels // stride // stride * stride)
    return min(max(stride * math.ceil(int(side) / stride), stride), longest)


def _centre(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    top = (picture.shape[0] - height) // 2
    left = (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def _resize(
    picture: NDArray[np.uint8], height: int, width: int, method: Image.Resampling
) -> NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), method))


_RULES: dict[Preset, Callable[[NDArray[np.uint8], int, int], Fitted]] = {
    Preset.CONTAINER_2018: _container_2018,
    Preset.CONTAINER_2024: _container_2024,
    Preset.SAMPLE_STRETCH: _stretch,
    Preset.TENSORFLOWJS: _tensorflowjs,
    Preset.TENSORFLOWJS_STRETCH: _tensorflowjs_stretch,
    Preset.DETECTOR_COMPACT: _detector_compact,
    Preset.DETECTOR_S1: _stretch,
}
