# SPDX-License-Identifier: Apache-2.0
"""Whatever a picture comes as, to one upright RGB array."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from trunkline.errors import PictureError
from trunkline.images.rasters import open_raster, upright_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trunkline.contracts import ChannelOrder

__all__ = ["DEFAULT_MAX_PIXELS", "PictureSource", "read_picture", "source_name"]

DEFAULT_MAX_PIXELS = 100_000_000
"""The largest picture that is decoded, in pixels; decoding one takes about 1 GB."""

PictureSource = str | os.PathLike[str] | bytes | Image.Image | np.ndarray[Any, np.dtype[np.uint8]]
"""Everything ``read_picture`` takes."""


def read_picture(
    source: PictureSource,
    *,
    order: ChannelOrder = "RGB",
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> NDArray[np.uint8]:
    """Read a picture, turned upright, as RGB.

    Files are JPEG, PNG, WebP, GIF, BMP, TIFF, PPM or AVIF (where Pillow has it); of several
    pictures in one file the first is taken. EXIF orientation is applied. Transparency is dropped,
    not blended. Samples of 16 bits keep their upper 8 (``value >> 8``), as Pillow does for colour.

    Args:
        source: A path, a file's bytes, a Pillow picture, or a uint8 array of shape
            (height, width, 3).
        order: The order of the channels of an array; ``"BGR"`` for OpenCV's frames. Anything else
            than an array knows its own order.
        max_pixels: The most pixels a picture may have. It is compared with the size that a file
            states, before any pixel is decoded.

    Returns:
        uint8 array of shape (height, width, 3), RGB, C-contiguous. An array that is so already is
        returned as it is, not copied.

    Raises:
        PictureError: The source is no picture, is damaged or has more pixels than allowed; for an
            array, its shape or type is another.
        ValueError: ``order`` is neither ``"RGB"`` nor ``"BGR"``.
    """
    if order not in ("RGB", "BGR"):
        raise ValueError(f"order is {order!r}; it must be 'RGB' or 'BGR'")
    name = source_name(source)
    if isinstance(source, np.ndarray):
        return _from_array(source, order, name, max_pixels)
    if isinstance(source, Image.Image):
        return _from_pillow(source, name, max_pixels)
    with _open(source, name) as file:
        return _from_pillow(open_raster(file, name), name, max_pixels)


def source_name(source: object) -> str:
    """Name a source in a message: its path, or ``"bytes"``, ``"picture"`` or ``"array"``."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytes):
        return "bytes"
    return "array" if isinstance(source, np.ndarray) else "picture"


def _open(source: object, name: str) -> IO[bytes]:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, str | os.PathLike):
        raise PictureError(
            name,
            f"a {type(source).__name__} is not something a picture can be read from; give a path, "
            "a file's bytes, a Pillow picture or a uint8 array of shape (height, width, 3)",
        )
    try:
        return Path(name).open("rb")
    except FileNotFoundError as error:
        raise PictureError(name, "there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise PictureError(name, "this is a folder; give the path of one picture") from error
    # ValueError is what a path with a null character raises.
    except (OSError, ValueError) as error:
        raise PictureError(
            name, f"the file cannot be opened ({error}); check the path and its permissions"
        ) from error


def _from_pillow(image: Image.Image, name: str, max_pixels: int) -> NDArray[np.uint8]:
    _check_size(image.width, image.height, name, max_pixels)
    return upright_rgb(image, name)


def _from_array(
    array: NDArray[Any], order: ChannelOrder, name: str, max_pixels: int
) -> NDArray[np.uint8]:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise PictureError(
            name,
            "expected a uint8 array of shape (height, width, 3), found "
            f"{array.dtype} of shape {array.shape}; {_remedy(array)}",
        )
    _check_size(array.shape[1], array.shape[0], name, max_pixels)
    return np.ascontiguousarray(array if order == "RGB" else array[:, :, ::-1])


def _remedy(array: NDArray[Any]) -> str:
    if array.dtype != np.uint8:
        return "bring its values to 0 to 255 and convert it with array.astype(numpy.uint8)"
    if array.ndim == 2:
        return "repeat its gray channel with numpy.stack([array] * 3, axis=-1)"
    if array.ndim == 3 and array.shape[2] == 4:
        return "drop its fourth channel with array[:, :, :3]"
    if array.ndim == 3 and array.shape[0] == 3:
        return "move its channels to the end with array.transpose(1, 2, 0)"
    return "give one picture at a time, its three channels last"


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    pixels = width * height
    if pixels == 0:
        raise PictureError(name, f"it has no pixels: its size is {width} x {height}")
    if pixels > max_pixels:
        raise PictureError(
            name,
            f"{width} x {height} are {pixels:,} pixels, more than the {max_pixels:,} allowed; "
            "shrink the picture or raise max_pixels",
        )
