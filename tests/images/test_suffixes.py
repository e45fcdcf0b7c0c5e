# SPDX-License-Identifier: Apache-2.0
"""What counts as a picture is what can be decoded."""

from __future__ import annotations

from PIL import Image

from trunkline.images import rasters
from trunkline.images.suffixes import PICTURE_SUFFIXES


def test_every_suffix_is_one_that_is_read():
    Image.init()
    kinds = {Image.EXTENSION[suffix] for suffix in PICTURE_SUFFIXES if suffix in Image.EXTENSION}
    assert kinds <= set(rasters._FORMATS)
    assert {"JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"} <= kinds


def test_suffixes_are_as_they_are_compared():
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in PICTURE_SUFFIXES)
