# SPDX-License-Identifier: Apache-2.0
"""Small pictures inside the page, so that it needs no other file."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image

from trunkline.errors import PictureError
from trunkline.images import read_picture

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["thumbnail"]

_SIDE = 320
_QUALITY = 76


def thumbnail(source: str, read: Callable[[str], bytes]) -> str | None:
    """Return a picture as the address of a small JPEG that holds itself; None if unreadable.

    Args:
        source: Which picture.
        read: Gives its bytes; OSError and PictureError are taken for unreadable.
    """
    try:
        image = Image.fromarray(read_picture(read(source)))
    except (OSError, PictureError):
        return None
    image.thumbnail((_SIDE, _SIDE), reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
