# SPDX-License-Identifier: Apache-2.0
"""Detectors of the YOLO families, whose boxes are decoded and suppressed outside the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trunkline.decoding.activations import sigmoid, softmax
from trunkline.decoding.candidates import Candidates, corners, one_frame, unfit
from trunkline.decoding.suppression import suppress_per_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trunkline.predictions import Detection

__all__ = ["COMPACT_ANCHORS", "YoloGridDecoder", "YoloRowsDecoder"]

COMPACT_ANCHORS: tuple[tuple[float, float], ...] = (
    (0.57273, 0.677385),
    (1.87446, 2.06253),
    (3.33843, 5.47434),
    (7.88282, 3.52778),
    (9.77052, 9.16828),
)
"""Width and height of a compact detector's anchors, in cells.

YOLOv2's anchors for COCO (darknet, ``cfg/yolov2.cfg``). The scripts of the exports round them to
two or three digits, which moves an edge by at most 0.12 % of the box's size.
"""

# A box of exp(20) cells covers any frame; the area of one of exp(1e30) would not be a number.
_LOG_SIZE_LIMIT = 20.0


@dataclass(frozen=True, slots=True)
class YoloGridDecoder:
    """Decodes a YOLOv2 grid: what Custom Vision's compact detectors answer.

    Per cell and anchor the graph gives tx, ty, tw, th, objectness and one logit per label, all
    raw. With ``grid`` the number of cells along an axis::

        centre = (sigmoid(t) + cell) / grid        size = exp(t) * anchor / grid
        score of a label = softmax(label logits) * sigmoid(objectness)

    This is the rule, and these are the defaults, of ``object_detection.py``, the script that
    Custom Vision put into the exports. It differs from the vendor's later sample repository,
    which leaves out the sigmoid on tx and ty (a mistake: the graph has none either), takes the
    best label of each box only, and suppresses across labels.

    * Every label of a box that reaches the threshold is a candidate, not only the best one.
    * Suppression is greedy and per label.
    * No more boxes come out than there are cells and anchors with a label at the threshold,
      because the script bounds its loop by their number. It matters when one box alone has two
      probable labels: the better one is answered.

    Attributes:
        anchors: Width and height of each anchor, in cells.
        layout: ``"NHWC"`` for (1, H, W, A * (5 + labels)), ``"NCHW"`` for
            (1, A * (5 + labels), H, W).
        threshold: Scores under it are dropped.
        iou: Of two boxes of one label that overlap by more, the worse is dropped.
        limit: The greatest number of boxes to answer with.
    """

    anchors: tuple[tuple[float, float], ...] = COMPACT_ANCHORS
    layout: Literal["NHWC", "NCHW"] = "NHWC"
    threshold: float = 0.10
    iou: float = 0.45
    limit: int = 20

    def __call__(
        self, outputs: Sequence[NDArray[np.float32]], labels: tuple[str, ...]
    ) -> Detection:
        """Decode.

        Args:
            outputs: The first is the grid; H and W may differ from frame to frame. tw and th
                beyond 20 count as 20.
            labels: The model's labels, in the order of its classes.

        Raises:
            ExportError: The grid's depth does not fit the anchors and labels.
        """
        grid = one_frame(outputs[0], 3)
        if self.layout == "NCHW":
            grid = grid.transpose(1, 2, 0)
        candidates, sources = self._candidates(grid, len(labels))
        limit = min(self.limit, sources)
        return _choose(candidates, labels, self.threshold, self.iou, limit)

    def _candidates(self, grid: NDArray[Any], labels: int) -> tuple[Candidates, int]:
        """Return every box and label at the threshold, and how many boxes they come from."""
        height, width, depth = grid.shape
        if not labels or depth != len(self.anchors) * (5 + labels):
            raise unfit(
                f"a grid of depth {depth} does not hold {len(self.anchors)} anchors "
                f"of {labels} labels"
            )
        cells = grid.reshape(-1, 5 + labels)
        # A score is at most the objectness, so most cells are done with here.
        hopeful = np.flatnonzero(sigmoid(cells[:, 4].astype(np.float64)) >= self.threshold)
        raw = cells[hopeful].astype(np.float64)
        scores = softmax(raw[:, 5:]) * sigmoid(raw[:, 4:5])
        rows, classes = np.nonzero(scores >= self.threshold)
        boxes = self._boxes(raw, hopeful, height, width)
        return Candidates(boxes[rows], scores[rows, classes], classes), len(np.unique(rows))

    def _boxes(
        self, raw: NDArray[np.float64], places: NDArray[np.intp], height: int, width: int
    ) -> NDArray[np.float64]:
        """Return the boxes (n, 4) of the raw rows whose places in the grid are given."""
        row, column, anchor = np.unravel_index(places, (height, width, len(self.anchors)))
        size = np.array((width, height))
        centres = (sigmoid(raw[:, :2]) + np.stack((column, row), axis=1)) / size
        scales = np.exp(np.minimum(raw[:, 2:4], _LOG_SIZE_LIMIT))
        return corners(centres, scales * np.array(self.anchors)[anchor] / size)


@dataclass(frozen=True, slots=True)
class YoloRowsDecoder:
    """Decodes boxes in rows: what exports of YOLOv5 and later answer.

    YOLOv5 to v7 give (1, n, 5 + labels), where the fifth value is an objectness that each label's
    score is multiplied with. YOLOv8 and later give (1, 4 + labels, n), without objectness. Both
    start with the middle x, middle y, width and height of a box in pixels of the input, and all
    activations are part of the graph. As in the detection of their makers, a box has its best
    label only, and suppression is per label.

    Attributes:
        objectness: Whether there is an objectness before the labels.
        size: Width and height of the graph's input in pixels.
        transposed: Whether a box is a column and not a row.
        threshold: Scores under it are dropped.
        iou: Of two boxes of one label that overlap by more, the worse is dropped.
        limit: The greatest number of boxes to answer with.
    """

    objectness: bool
    size: tuple[int, int]
    transposed: bool
    threshold: float = 0.25
    iou: float = 0.45
    limit: int = 300

    def __call__(
        self, outputs: Sequence[NDArray[np.float32]], labels: tuple[str, ...]
    ) -> Detection:
        """Decode.

        Args:
            outputs: The first holds the boxes.
            labels: The model's labels, in the order of its classes.

        Raises:
            ExportError: The length of a row does not fit the labels.
        """
        table = one_frame(outputs[0], 2)
        columns = table if self.transposed else table.T
        if not labels or len(columns) != 4 + self.objectness + len(labels):
            raise unfit(f"boxes of {len(columns)} values do not hold {len(labels)} labels")
        return _choose(self._candidates(columns), labels, self.threshold, self.iou, self.limit)

    def _candidates(self, columns: NDArray[Any]) -> Candidates:
        """Return one candidate for each box at the threshold."""
        first = 4 + self.objectness
        bound = columns[4] if self.objectness else columns[first:].max(axis=0)
        raw = columns[:, bound >= self.threshold].astype(np.float64)
        classes = raw[first:].argmax(axis=0)
        scores = raw[first:].max(axis=0)
        if self.objectness:
            with np.errstate(invalid="ignore"):  # 0 * inf is NaN, and dropped later
                scores = scores * raw[4]
        size = np.array(self.size)
        return Candidates(corners(raw[:2].T / size, raw[2:4].T / size), scores, classes)


def _choose(
    candidates: Candidates, labels: tuple[str, ...], threshold: float, iou: float, limit: int
) -> Detection:
    """Return the detection that is left after suppression per label."""
    found = candidates.usable(labels, threshold)
    kept = suppress_per_class(found.boxes, found.scores, found.classes, iou, limit)
    return found.take(kept).detection(labels)
