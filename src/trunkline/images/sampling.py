# SPDX-License-Identifier: Apache-2.0
"""Bilinear point sampling: each output pixel from the four input pixels around one point.

Unlike Pillow's resize, nothing is averaged when a picture shrinks. Two of the programs whose
results are reproduced here do it so, each with points of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Blend", "Taps", "bilinear", "box_taps", "corner_taps", "half_pixel_taps", "whole_blend"]

_FINEST = 512  # what positions in a square of 256 are multiples of: (2 i + 1) * side / 512 - 1 / 2


class Taps(NamedTuple):
    """What each output row (or column) is made of.

    Attributes:
        near: Index of the first input row, of shape (output rows,).
        far: Index of the second.
        weight: Share of the second, float64; the first has the rest. Below 0 it extrapolates.
    """

    near: NDArray[np.intp]
    far: NDArray[np.intp]
    weight: NDArray[Any]


def half_pixel_taps(length: int, origin: int, ratio: float, window: range) -> Taps:
    """Sample at the middles of output pixels, as the container of 2018 did.

    The index is cut towards zero, not rounded down. So between -0.5 and 0, where an enlarged
    picture begins, the weight is negative and extrapolates from the first two pixels.

    Args:
        length: Input pixels along this axis.
        origin: First input pixel of the square.
        ratio: Input pixels per output pixel.
        window: The output pixels wanted.
    """
    position = (np.asarray(window) + 0.5) * ratio - 0.5
    near = np.trunc(position)
    weight = position - near
    near = near.astype(np.intp) + origin
    last = length - 1
    weight[near >= last] = 0.0
    near = near.clip(max=last)
    return Taps(near, (near + 1).clip(max=last), weight)


def box_taps(length: int, side: int, count: int) -> Taps:
    """Sample the middle of an axis from edge to edge, as TensorFlow's crop_and_resize does.

    The box is given in fractions of ``length`` and applied to ``length - 1``, and its first and
    last point are sampled: ``position = (start + side * i / (count - 1)) * (length - 1) / length``.
    Source: https://www.tensorflow.org/api_docs/python/tf/image/crop_and_resize

    Args:
        length: Input pixels along this axis.
        side: Input pixels of the box, in the middle.
        count: Output pixels.
    """
    steps = np.arange(count) / (count - 1) if count > 1 else np.array([0.5])
    position = ((length - side) / 2 + side * steps) * (length - 1) / length
    # Rounding may carry the last point past the last pixel; TensorFlow paints black there.
    return _floor_taps(position.clip(max=length - 1), length)


def corner_taps(length: int, count: int) -> Taps:
    """Sample a whole axis from the upper left corners of output pixels, as TensorFlow.js resizes.

    ``position = i * length / count``. Source: tf.image.resizeBilinear with its defaults, neither
    alignCorners nor halfPixelCenters: https://js.tensorflow.org/api/latest/#image.resizeBilinear

    Args:
        length: Input pixels along this axis.
        count: Output pixels.
    """
    return _floor_taps(np.arange(count, dtype=np.float64) * (length / count), length)


def _floor_taps(position: NDArray[np.float64], length: int) -> Taps:
    near = position.astype(np.intp)
    return Taps(near, (near + 1).clip(max=length - 1), position - near)


def bilinear(picture: NDArray[np.uint8], rows: Taps, columns: Taps) -> NDArray[np.float64]:
    """Blend four pixels for each output pixel: along the row first, then between the rows.

    Args:
        picture: uint8 array of shape (height, width, 3).
        rows: What each output row is made of.
        columns: What each output column is made of.

    Returns:
        float64 array of shape (output rows, output columns, 3), neither rounded nor clipped.
    """
    # Pixels are taken as 3 * width single samples: numpy gathers these several times faster.
    samples = picture.reshape(picture.shape[0], -1)
    flat = Taps(_flat(columns.near), _flat(columns.far), columns.weight.repeat(3))
    blend = _along_rows(samples.take(rows.far, axis=0), flat)
    blend *= rows.weight[:, None]
    near = _along_rows(samples.take(rows.near, axis=0), flat)
    near *= (1.0 - rows.weight)[:, None]
    blend += near
    return blend.reshape(len(rows.near), len(columns.near), 3)


def _flat(columns: NDArray[np.intp]) -> NDArray[np.intp]:
    return (columns[:, None] * 3 + np.arange(3)).ravel()


def _along_rows(samples: NDArray[np.uint8], columns: Taps) -> NDArray[np.float64]:
    blend: NDArray[np.float64] = samples.take(columns.far, axis=1) * columns.weight
    blend += samples.take(columns.near, axis=1) * (1.0 - columns.weight)
    return blend


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """The whole numbers that ``bilinear`` cuts its results to, for pictures of one size.

    Where all weights are fractions with one small denominator, which is a power of two, four
    pixels are blended in integers. That is exact, as it is in float64, and takes less time. Made
    by ``whole_blend``.

    Attributes:
        rows: Where each output row comes from; weights in parts of the denominator, of shape
            (output rows, 1).
        columns: Where each output sample does, of three to a pixel; likewise.
        bits: The denominator's logarithm to base 2.
    """

    rows: Taps
    columns: Taps
    bits: int

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Blend four pixels for each output pixel, between the rows first.

        Args:
            picture: uint8 array of shape (height, width, 3).

        Returns:
            uint8 array of shape (output rows, output columns, 3): rounded down, and clipped.
        """
        samples = picture.reshape(picture.shape[0], -1)
        between = _between(samples, self.rows, 0, self.bits)
        blend = _between(between, self.columns, 1, self.bits)
        blend >>= blend.dtype.type(2 * self.bits)
        if blend.dtype.kind == "i":  # where it extrapolates; else it stays within the four pixels
            blend.clip(0, 255, out=blend)
        return blend.astype(np.uint8).reshape(len(self.rows.near), -1, 3)


def whole_blend(rows: Taps, columns: Taps) -> Blend | None:
    """Return what blends in integers; None where a weight is not a multiple of 1 / 512.

    Args:
        rows: What each output row is made of.
        columns: What each output column is made of.
    """
    weights = np.concatenate([rows.weight, columns.weight])
    parts = weights * _FINEST
    if (parts != np.rint(parts)).any():
        return None
    common = int(np.gcd.reduce(parts.astype(np.int64), initial=_FINEST))
    bits = (_FINEST // common).bit_length() - 1
    narrow = bool((weights >= 0).all()) and 255 << 2 * bits <= np.iinfo(np.uint16).max
    kind = np.uint16 if narrow else np.int32
    down = (rows.weight * (1 << bits)).astype(kind)[:, None]
    across = (columns.weight * (1 << bits)).astype(kind).repeat(3)
    return Blend(
        Taps(rows.near, rows.far, down),
        Taps(_flat(columns.near), _flat(columns.far), across),
        bits,
    )


def _between(samples: NDArray[Any], taps: Taps, axis: int, bits: int) -> NDArray[Any]:
    kind = taps.weight.dtype
    blend: NDArray[Any] = np.multiply(samples.take(taps.far, axis=axis), taps.weight, dtype=kind)
    blend += np.multiply(samples.take(taps.near, axis=axis), (1 << bits) - taps.weight, dtype=kind)
    return blend
