# SPDX-License-Identifier: Apache-2.0
"""Ways of looking at a picture again: mirrored, and cropped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from trunkline.contracts import Preset
from trunkline.images import to_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trunkline.contracts import InputContract

__all__ = ["ALL_VIEWS", "CROPS", "MIRRORED", "PLAIN", "Pixels", "View", "tensors"]

# A crop may be made from a picture that has this many times the pixels a side that it will have.
_SPARE = 3
# These resize with Pillow, which averages. The others sample points, and would sample others.
_AVERAGING = frozenset(
    {Preset.CONTAINER_2024, Preset.SAMPLE_STRETCH, Preset.DETECTOR_S1, Preset.DETECTOR_COMPACT}
)

Pixels = np.ndarray[Any, np.dtype[np.uint8]] | Image.Image
"""A picture: an array of shape (height, width, 3), or a Pillow picture in mode RGB."""

Box = tuple[float, float, float, float]
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class View:
    """A way of looking at a picture.

    Attributes:
        key: What features of it are kept under. A view that computes anything else needs another.
        box: The part that is seen: left, top, right and bottom as fractions of width and height.
        mirrored: Whether left and right change places.
    """

    key: str
    box: Box = _WHOLE
    mirrored: bool = False

    def part(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part that is seen, at least one pixel, not mirrored and not copied.

        Args:
            picture: uint8 array of shape (height, width, 3).
        """
        left, top, right, bottom = self.box
        rows = _span(top, bottom, picture.shape[0])
        columns = _span(left, right, picture.shape[1])
        return picture[rows, columns]


def _span(begin: float, end: float, size: int) -> slice:
    first = min(math.floor(begin * size + 0.5), size - 1)
    return slice(first, max(first + 1, math.floor(end * size + 0.5)))


PLAIN = View("plain")
"""The picture as a running model sees it."""

MIRRORED = View("mirrored", mirrored=True)
"""Left and right changed."""

CROPS: tuple[View, ...] = (
    View("centre-90", (0.05, 0.05, 0.95, 0.95)),
    View("centre-80", (0.1, 0.1, 0.9, 0.9)),
    View("top-left-80", (0.0, 0.0, 0.8, 0.8)),
    View("top-right-80", (0.2, 0.0, 1.0, 0.8)),
    View("bottom-left-80", (0.0, 0.2, 0.8, 1.0)),
    View("bottom-right-80", (0.2, 0.2, 1.0, 1.0)),
)
"""Slightly nearer, and nearer at the centre and the four corners."""

ALL_VIEWS: tuple[View, ...] = (
    PLAIN,
    MIRRORED,
    *CROPS,
    *(View(f"{view.key}-mirrored", view.box, mirrored=True) for view in CROPS),
)
"""Every view there is, each of those above mirrored too."""


TRAINING_VIEWS: tuple[View, ...] = (PLAIN, MIRRORED, CROPS[1])
"""The views that heads are trained on, the plain one first."""


def tensors(picture: Pixels, views: Sequence[View], contract: InputContract) -> list[NDArray[Any]]:
    """Make the tensors of a picture's views.

    The whole picture becomes what ``to_tensor`` makes of it for a running model, to the bit. Two
    things make the other views cheap, and a pixel off at most. A view is mirrored after it was
    resized, which saves a copy of the picture and a resize. And crops of a large picture are cut
    from one that was averaged down to about three times what the contract needs.

    Args:
        picture: uint8 array of shape (height, width, 3), RGB, upright, C-contiguous; or the same
            as a Pillow picture.
        views: The views, in any order.
        contract: What the trunk must be fed.

    Returns:
        One tensor per view, as ``to_tensor`` gives them.
    """
    ready: dict[Box, NDArray[Any]] = {}
    small: NDArray[np.uint8] | None = None
    for view in views:
        if view.box in ready:
            continue
        if view.box == _WHOLE:
            ready[view.box] = to_tensor(_resized(picture, contract), contract)
        else:
            small = _shrunk(picture, contract) if small is None else small
            ready[view.box] = to_tensor(np.ascontiguousarray(view.part(small)), contract)
    return [_turned(ready[view.box], view, contract) for view in views]


def _resized(picture: Pixels, contract: InputContract) -> NDArray[np.uint8]:
    """Return an array of which ``to_tensor`` makes the same as of the whole picture.

    It resizes to a size that depends on the picture's. Resized to that size already, a Pillow
    picture need not become a large array first.
    """
    if not isinstance(picture, Image.Image):
        return picture
    size = _target(*picture.size, contract)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR) if size else picture)


def _target(width: int, height: int, contract: InputContract) -> tuple[int, int] | None:
    """Return the width and height a rule resizes to, where that is all it does but crop."""
    if contract.preset in (Preset.SAMPLE_STRETCH, Preset.DETECTOR_S1):
        return contract.width, contract.height
    shorter, side = min(width, height), contract.height
    # Strips are cut before they are resized.
    simple = contract.width == side and max(width, height) <= 4 * shorter
    if contract.preset is Preset.CONTAINER_2024 and simple:
        return width * side // shorter, height * side // shorter
    return None


def _shrunk(picture: Pixels, contract: InputContract) -> NDArray[np.uint8]:
    size = picture.size if isinstance(picture, Image.Image) else picture.shape[:2]
    factor = min(size) // (_SPARE * max(contract.height, contract.width))
    if factor < 2 or contract.preset not in _AVERAGING:
        return np.asarray(picture)
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    return np.asarray(image.reduce(factor))


def _turned(tensor: NDArray[Any], view: View, contract: InputContract) -> NDArray[Any]:
    if not view.mirrored:
        return tensor
    width = 2 if contract.layout == "NHWC" else 3
    return np.ascontiguousarray(np.flip(tensor, width))
