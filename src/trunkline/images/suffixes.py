# SPDX-License-Identifier: Apache-2.0
"""What pictures' files are called."""

from __future__ import annotations

__all__ = ["PICTURE_SUFFIXES"]

PICTURE_SUFFIXES = frozenset(
    {
        ".avif",
        ".bmp",
        ".gif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    }
)
"""What counts as a picture inside a folder; a file that is named itself is always tried."""
