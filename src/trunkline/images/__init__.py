# SPDX-License-Identifier: Apache-2.0
"""Pictures: from bytes, files, Pillow pictures and arrays to what a graph takes.

``read_picture`` runs once per frame and gives an upright RGB array. ``to_tensor`` runs once per
frame and input contract and gives the tensor that every model with that contract shares.
"""

from __future__ import annotations

from trunkline.images.decode import DEFAULT_MAX_PIXELS, read_picture
from trunkline.images.tensor import to_tensor

__all__ = ["DEFAULT_MAX_PIXELS", "read_picture", "to_tensor"]
