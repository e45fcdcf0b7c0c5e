# SPDX-License-Identifier: Apache-2.0
"""Detectors whose graph answers with finished boxes: suppression is part of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trunkline.decoding.candidates import Candidates, unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trunkline.predictions import Detection

__all__ = ["BoxesDecoder"]


@dataclass(frozen=True, slots=True)
class BoxesDecoder:
    """Reads boxes, scores and classes, in this order, from a graph's outputs.

    The defaults fit Custom Vision's S1 detectors, which keep at most 64 boxes of at least 0.01
    themselves. For graphs of the TensorFlow Object Detection API use ``corners="yxyx"`` and
    ``first_class=1``: their class 0 is the background. Those pad their answer to a fixed length,
    with a fourth output, ``num_detections``, that says how many rows count.

    Attributes:
        corners: The order of a box's coordinates: ``"xyxy"`` is left, top, right, bottom and
            ``"yxyx"`` is top, left, bottom, right.
        first_class: The class that the first label has in the graph.
        threshold: Scores under it are dropped.
        limit: The greatest number of boxes to answer with.
        scale: Width and height of the graph's input in pixels, where it answers in pixels; None
            where it answers in fractions of the frame.
    """

    corners: Literal["xyxy", "yxyx"] = "xyxy"
    first_class: int = 0
    threshold: float = 0.01
    limit: int = 64
    scale: tuple[float, float] | None = None

    def __call__(
        self, outputs: Sequence[NDArray[np.float32]], labels: tuple[str, ...]
    ) -> Detection:
        """Decode.

        Args:
            outputs: Boxes (n, 4), scores (n,), classes (n,) of any number type and, optionally,
                the number of rows that count (1,); each with or without a batch axis of 1.
            labels: The model's labels, in the order of its classes. Boxes of other classes are
                dropped: whether a class without a label ever comes is known only when it does,
                and one odd box should not stop a model set.

        Raises:
            ExportError: The outputs do not fit together.
        """
        found = self._candidates(outputs).usable(labels, self.threshold)
        best = np.argsort(-found.scores, kind="stable")[: self.limit]
        return found.take(best).detection(labels)

    def _candidates(self, outputs: Sequence[NDArray[Any]]) -> Candidates:
        boxes, scores, classes = _rows(outputs)
        if self.corners == "yxyx":
            boxes = boxes[:, [1, 0, 3, 2]]
        if self.scale is not None:
            boxes = boxes / np.array(self.scale * 2)
        return Candidates(boxes, scores, np.rint(classes) - self.first_class)


def _rows(
    outputs: Sequence[NDArray[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return boxes, scores and classes, as many rows as count."""
    flat = [np.asarray(output, np.float64).reshape(-1) for output in outputs]
    lengths = [len(values) for values in flat]
    if len(flat) < 3 or lengths[0] != 4 * lengths[1] or lengths[1] != lengths[2]:
        raise unfit(f"boxes, scores and classes do not fit together with {lengths} values")
    rows = lengths[1]
    if len(flat) > 3:
        if lengths[3] != 1:
            raise unfit(f"the number of detections has {lengths[3]} values for one frame")
        # max() keeps its first argument where the second is NaN, so a NaN counts as none.
        rows = int(min(max(0.0, float(flat[3][0])), rows))
    return flat[0].reshape(-1, 4)[:rows], flat[1][:rows], flat[2][:rows]
