# SPDX-License-Identifier: Apache-2.0
"""What every detector's decoder has half-way: boxes with scores and classes, not yet chosen from.

The rules that hold for all detectors (see ``trunkline.decoding``) are here, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.errors import ExportError
from trunkline.predictions import Box, Detection

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Candidates", "corners", "one_frame", "unfit"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes that a prediction is chosen from.

    Attributes:
        boxes: float64 array of shape (n, 4): left, top, right, bottom as fractions of the frame;
            they may stick out of it.
        scores: float64 array of shape (n,).
        classes: Array of shape (n,): the index of each box's label, integers by value.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[Any]

    def take(self, which: NDArray[Any]) -> Candidates:
        """Return those that an array of indices or booleans points out, in its order."""
        return Candidates(self.boxes[which], self.scores[which], self.classes[which])

    def usable(self, labels: tuple[str, ...], threshold: float) -> Candidates:
        """Return those that may be answered with; see ``trunkline.decoding`` for the rules.

        Args:
            labels: The model's labels; classes outside them are dropped.
            threshold: Scores under it are dropped.
        """
        inside = np.clip(self.boxes, 0.0, 1.0)
        sound = (
            np.isfinite(self.boxes).all(axis=1)
            & (inside[:, :2] < inside[:, 2:]).all(axis=1)
            & np.isfinite(self.scores)
            & (self.scores >= threshold)
            & (self.classes >= 0)
            & (self.classes < len(labels))
        )
        chosen = self.take(sound)
        # Only now: what was dropped may have held a NaN, which is no integer.
        return Candidates(chosen.boxes, chosen.scores, chosen.classes.astype(np.intp))

    def detection(self, labels: tuple[str, ...]) -> Detection:
        """Return a detection of all of these, in this order, clipped to the frame.

        Args:
            labels: The model's labels.
        """
        inside = np.clip(self.boxes, 0.0, 1.0)
        rows = zip(
            self.classes.tolist(),
            np.minimum(self.scores, 1.0).tolist(),
            inside[:, :2].tolist(),
            (inside[:, 2:] - inside[:, :2]).tolist(),
            strict=True,
        )
        boxes = tuple(Box(labels[index], score, *at, *size) for index, score, at, size in rows)
        return Detection(labels, boxes)


def corners(centres: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return left, top, right, bottom of boxes given by their middle.

    Args:
        centres: Shape (n, 2): x, y.
        sizes: Shape (n, 2): width, height.

    Returns:
        Shape (n, 4).
    """
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, and dropped later
        return np.concatenate((centres - sizes / 2.0, centres + sizes / 2.0), axis=1)


def one_frame(output: NDArray[Any], axes: int) -> NDArray[Any]:
    """Return an output without its batch axis and any other leading axis of length 1.

    Args:
        output: The output for one frame.
        axes: How many axes to keep, from the last.

    Raises:
        ExportError: There are fewer axes, or a leading one is longer than 1.
    """
    if output.ndim < axes or any(length != 1 for length in output.shape[:-axes]):
        raise unfit(f"the first has the shape {output.shape}, not {axes} axes for one frame")
    return output.reshape(output.shape[-axes:])


def unfit(problem: str) -> ExportError:
    """Return the error for outputs that are not what the decoder was chosen for.

    Args:
        problem: What is wrong, as a clause.
    """
    return ExportError(
        "the graph's outputs",
        f"{problem}. Check that the model and its labels come from one export.",
    )
