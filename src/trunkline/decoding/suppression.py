# SPDX-License-Identifier: Apache-2.0
"""Greedy non-maximum suppression.

The best box is kept and every other box that overlaps it by more than a share is dropped; then
the best of the rest, and so on. Overlap is intersection over union (IoU).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from trunkline.decoding.activations import Floats

__all__ = ["suppress", "suppress_per_class"]


def suppress(boxes: Floats, scores: Floats, iou: float, limit: int) -> NDArray[np.intp]:
    """Return the indices of the boxes to keep, whatever their classes.

    Takes O(n log n + kept * n) time and O(n) memory.

    Args:
        boxes: Shape (n, 4): left, top, right, bottom, finite, in any one unit.
        scores: Shape (n,): higher is better; no NaN.
        iou: A box that overlaps a better one by more than this, 0 to 1, is dropped.
        limit: The greatest number of boxes to keep.

    Returns:
        Shape (kept,): from best to worst. Of equal scores the lower index counts as better.
    """
    return suppress_per_class(boxes, scores, np.zeros(len(scores), np.intp), iou, limit)


def suppress_per_class(
    boxes: Floats, scores: Floats, classes: NDArray[np.integer[Any]], iou: float, limit: int
) -> NDArray[np.intp]:
    """Return the indices of the boxes to keep, where only boxes of one class rival each other.

    Args:
        boxes: As for ``suppress``.
        scores: As for ``suppress``.
        classes: Shape (n,): the class of each box.
        iou: As for ``suppress``.
        limit: The greatest number of boxes to keep, over all classes together.

    Returns:
        As for ``suppress``: all classes mixed, from best to worst.
    """
    # In 32 bits the area of a box far outside the frame could overflow.
    wide = boxes.astype(np.float64)
    rest = np.argsort(-scores, kind="stable")
    kept: list[np.intp] = []
    while len(rest) and len(kept) < limit:
        best, rest = rest[0], rest[1:]
        kept.append(best)
        beaten = classes[rest] == classes[best]
        beaten[beaten] = _overlaps(wide[best], wide[rest[beaten]], iou)
        rest = rest[~beaten]
    return np.array(kept, np.intp)


def _overlaps(box: Floats, others: Floats, iou: float) -> NDArray[np.bool_]:
    """Say which of the others overlap the box by more than the share ``iou``."""
    corners = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(corners, 0.0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    # Not a quotient: two boxes without area have no union to divide by.
    overlapping: NDArray[np.bool_] = shared > iou * union
    return overlapping
