# SPDX-License-Identifier: Apache-2.0
"""Decoding a picture that is only resized afterwards."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

from PIL import ImageOps

from trunkline.images import DEFAULT_MAX_PIXELS, read_picture
from trunkline.images.rasters import open_raster

if TYPE_CHECKING:
    from trunkline.training.views import Pixels

__all__ = ["open_picture"]

# Smaller ones cost more to tell apart than to copy.
_LARGE = 1_000_000


def open_picture(data: bytes) -> Pixels:
    """Decode a picture and turn it upright.

    Making an array of a Pillow picture of 12 megapixels, and a Pillow picture of that array to
    resize it, costs about as much as decoding. So a large picture that is RGB already stays as it
    is. Everything else, faults included, is ``read_picture``'s.

    Args:
        data: A file's bytes.

    Returns:
        A Pillow picture in mode RGB, or an array as ``read_picture`` gives it: the same pixels.

    Raises:
        PictureError: As from ``read_picture``.
    """
    with suppress(Exception):  # whatever it is, read_picture has a sentence for it
        image = open_raster(io.BytesIO(data), "")
        # TIFF has ways of its own with orientation.
        plain = image.mode == "RGB" and image.format != "TIFF"
        if plain and _LARGE <= image.width * image.height <= DEFAULT_MAX_PIXELS:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return image
    return read_picture(data)
