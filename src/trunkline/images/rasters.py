# SPDX-License-Identifier: Apache-2.0
"""Pillow, kept to raster formats and to one kind of exception.

A picture may come from anyone. Formats that Pillow hands to an outside program (EPS) or that few
people use stay closed, and whatever Pillow raises on hostile bytes becomes a ``PictureError``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import numpy as np
import simplejpeg
from PIL import ExifTags, Image

from trunkline.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["open_raster", "upright_rgb"]

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")

# EXIF 2.32, tag 274: what turns a picture that was stored so upright. 1 is upright already.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_raster(file: IO[bytes], name: str) -> Image.Image:
    """Read a picture's header; its pixels are decoded later, from the same file.

    This is ``Image.open`` without its check for decompression bombs, which warns or raises by a
    global limit. The caller has a limit of its own.

    Args:
        file: The picture, at its first byte. It must stay open until the pixels are decoded.
        name: What messages call it.

    Raises:
        PictureError: The file is empty, in another format, or damaged.
    """
    Image.init()
    with _as_picture_error(name):
        prefix = file.read(16)
        for kind in _FORMATS:
            factory, accept = Image.OPEN.get(kind, (None, None))
            # A plugin whose library is missing accepts with a text that says so.
            if factory is not None and accept is not None and accept(prefix) is True:
                file.seek(0)
                return factory(file, "")
    if not prefix:
        raise PictureError(name, "it is empty; check how it was saved or sent")
    raise PictureError(
        name,
        "it is not a picture in a format that is read here; give a JPEG, PNG, WebP, GIF, BMP, "
        "TIFF, PPM or AVIF file",
    )


def upright_rgb(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Decode a picture's pixels and turn them upright.

    Args:
        image: A picture in any of Pillow's modes. It is not changed, apart from being loaded.
        name: What messages call it.

    Returns:
        uint8 array of shape (height, width, 3), RGB, C-contiguous.

    Raises:
        PictureError: The pixels cannot be decoded.
    """
    with _as_picture_error(name):
        pixels = _plain_jpeg(image)
        if pixels is not None:
            return pixels
        # TIFF turns itself upright while it loads, so the orientation is read after that.
        image.load()
        rgb = _to_rgb(image)
        turn = _turn(image)
        return np.array(rgb if turn is None else rgb.transpose(turn))


def _plain_jpeg(image: Image.Image) -> NDArray[np.uint8] | None:
    """Decode a colour JPEG that is upright already; None where Pillow has to.

    simplejpeg decodes with the same library in the same way, libjpeg-turbo with its exact
    transform, but straight into an array: Pillow keeps four bytes a pixel, which are copied two
    times more. It refuses what is damaged in any way, and Pillow then says what it makes of it.
    """
    file = getattr(image, "fp", None)
    if image.format != "JPEG" or image.mode != "RGB" or file is None or _turn(image) is not None:
        return None
    file.seek(0)
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(file.read())
    except ValueError:
        return None
    # Pillow may have been told to decode it smaller.
    return pixels if pixels.shape[:2] == (image.height, image.width) else None


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # EXIF is parsed on demand, and a damaged one is no reason to lose a picture
        return None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_to_8_bits(np.asarray(image))).convert("RGB")
    if image.mode in ("La", "RGBa"):  # alpha multiplied in; Pillow converts only to its plain form
        return image.convert(image.mode.upper()).convert("RGB")
    if "transparency" in image.info:  # Pillow warns about some kinds, all of which are dropped
        image = image.copy()
        del image.info["transparency"]
    return image.convert("RGB")


def _to_8_bits(
    values: NDArray[np.uint16] | NDArray[np.int32] | NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Scale what Pillow would clip: it takes 16-bit gray for 8-bit gray and whitens it.

    Integers are 16-bit samples, which Pillow keeps in the modes I;16 and I; floats, which have no
    such convention, are 0 to 255 as in Pillow.
    """
    if values.dtype.kind == "f":
        return np.nan_to_num(values).clip(0, 255).astype(np.uint8)
    return (values.clip(0, 65535) >> 8).astype(np.uint8)


@contextmanager
def _as_picture_error(name: str) -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(name, "it has more pixels than Pillow decodes; shrink it") from error
    # Pillow's plugins raise whatever the damage leads them to: OSError, SyntaxError, struct.error,
    # IndexError, OverflowError, MemoryError and more.
    except Exception as error:
        raise PictureError(
            name, "it is cut off or damaged and cannot be decoded; get it again from its source"
        ) from error
