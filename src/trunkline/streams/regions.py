# SPDX-License-Identifier: Apache-2.0
"""The part of a frame that a model looks at, and its boxes brought back to the whole frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trunkline.predictions import Detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.predictions import Box, Prediction

__all__ = ["Region"]

_ROUNDING = 1e-9  # 0.1 + 0.9 is a hair above 1 in some orders


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a frame, in fractions of its width and height.

    Attributes:
        left: Left edge, 0 to 1.
        top: Upper edge, 0 to 1.
        width: More than 0; ``left + width`` is at most 1.
        height: More than 0; ``top + height`` is at most 1.

    Raises:
        ValueError: It is empty, or reaches beyond the frame.
    """

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        inside = (
            0 <= self.left < 1
            and 0 <= self.top < 1
            and 0 < self.width <= 1 - self.left + _ROUNDING
            and 0 < self.height <= 1 - self.top + _ROUNDING
        )
        if not inside:
            raise ValueError(
                f"the region {self.left:g}, {self.top:g}, {self.width:g}, {self.height:g} (left, "
                "top, width, height in fractions of the frame) is empty or not inside the frame"
            )

    @classmethod
    def of(cls, values: Sequence[float]) -> Region:
        """Return the region with these four values: left, top, width, height."""
        if len(values) != 4:
            raise ValueError("a region is four fractions: left, top, width, height")
        return cls(*map(float, values))

    def cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the region of a frame, at least one pixel of it; a view, nothing is copied.

        Args:
            pixels: Array of shape (height, width, 3).
        """
        top, bottom = _span(self.top, self.height, pixels.shape[0])
        left, right = _span(self.left, self.width, pixels.shape[1])
        return pixels[top:bottom, left:right]

    def bring_back(self, answer: Prediction, height: int, width: int) -> Prediction:
        """Return an answer for the region as one for the frame: its boxes are moved.

        Args:
            answer: What a model said about what ``cut`` gave.
            height: Of the frame, in pixels.
            width: Of the frame, in pixels.
        """
        if not isinstance(answer, Detection):
            return answer
        top, bottom = _span(self.top, self.height, height)
        left, right = _span(self.left, self.width, width)
        # By whole pixels, as they were cut.
        place = (left / width, top / height, (right - left) / width, (bottom - top) / height)
        return replace(answer, boxes=tuple(_moved(box, *place) for box in answer.boxes))


def _span(start: float, length: float, pixels: int) -> tuple[int, int]:
    first = min(round(start * pixels), pixels - 1)
    return first, max(first + 1, min(round((start + length) * pixels), pixels))


def _moved(box: Box, left: float, top: float, width: float, height: float) -> Box:
    return replace(
        box,
        left=left + box.left * width,
        top=top + box.top * height,
        width=box.width * width,
        height=box.height * height,
    )
