# SPDX-License-Identifier: Apache-2.0
"""The published rules of the YOLO families as plain loops, and what their tests share."""

from __future__ import annotations

import math

import pytest
from hypothesis import strategies as st

from trunkline.predictions import Box, Detection

HOSTILE = st.one_of(
    st.floats(width=32), st.sampled_from([math.inf, -math.inf, math.nan, 1e30, -1e30, 88.8, -104.0])
)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def overlap(a: list[float], b: list[float]) -> float:
    """Intersection over union of left, top, width, height."""
    wide = max(0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    high = max(0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return wide * high / (a[2] * a[3] + b[2] * b[3] - wide * high)


def clipped(label: str, score: float, box: list[float]) -> Box:
    left, top = max(box[0], 0), max(box[1], 0)
    right, bottom = min(box[0] + box[2], 1), min(box[1] + box[3], 1)
    return Box(label, score, left, top, right - left, bottom - top)


def slow_grid(grid: list, anchors, labels, threshold: float, iou: float, limit: int) -> list[Box]:
    """The export's own procedure: pick the highest score, strike the label out nearby, repeat."""
    boxes, scores = [], []
    height, width = len(grid), len(grid[0])
    for y in range(height):
        for x in range(width):
            for a, (anchor_width, anchor_height) in enumerate(anchors):
                t = grid[y][x][a * (5 + len(labels)) : (a + 1) * (5 + len(labels))]
                w = math.exp(t[2]) * anchor_width / width
                h = math.exp(t[3]) * anchor_height / height
                middle = (logistic(t[0]) + x) / width, (logistic(t[1]) + y) / height
                powers = [math.exp(logit) for logit in t[5:]]
                boxes.append([middle[0] - w / 2, middle[1] - h / 2, w, h])
                scores.append([p / sum(powers) * logistic(t[4]) for p in powers])
    hopeful = [i for i, row in enumerate(scores) if max(row) > threshold]
    found: list[Box] = []
    while len(found) < min(limit, len(hopeful)):
        best = max(hopeful, key=lambda i: max(scores[i]))
        label = max(range(len(labels)), key=lambda c: scores[best][c])
        if scores[best][label] < threshold:
            break
        found.append(clipped(labels[label], scores[best][label], boxes[best]))
        for i in hopeful:
            if i == best or overlap(boxes[i], boxes[best]) > iou:
                scores[i][label] = 0
    return found


def slow_rows(rows: list, labels, objectness: bool, size, options: dict) -> list[Box]:
    """Best label of each row, then from best to worst what no kept box of its label covers."""
    found = []
    for row in rows:
        shares = row[5:] if objectness else row[4:]
        scores = [share * (row[4] if objectness else 1) for share in shares]
        label = max(range(len(labels)), key=lambda c: scores[c])
        box = [row[0] - row[2] / 2, row[1] - row[3] / 2, row[2], row[3]]
        box = [value / size[i % 2] for i, value in enumerate(box)]
        if scores[label] >= options["threshold"]:
            found.append((scores[label], label, box))
    kept: list[tuple[float, int, list[float]]] = []
    for score, label, box in sorted(found, key=lambda entry: -entry[0]):
        if not any(label == k[1] and overlap(box, k[2]) > options["iou"] for k in kept):
            kept.append((score, label, box))
    return [clipped(labels[label], score, box) for score, label, box in kept[: options["limit"]]]


def same(answer: Detection, expected: list[Box]) -> None:
    assert [box.label for box in answer.boxes] == [box.label for box in expected]
    for got, due in zip(answer.boxes, expected, strict=True):
        assert (got.probability, got.left, got.top, got.width, got.height) == pytest.approx(
            (due.probability, due.left, due.top, due.width, due.height), rel=1e-9, abs=1e-12
        )


def inside(answer: Detection, labels: tuple[str, ...]) -> None:
    for box in answer.boxes:
        assert 0 <= box.left < 1
        assert 0 <= box.top < 1
        assert 0 < box.width <= 1
        assert 0 < box.height <= 1
        assert 0 <= box.probability <= 1
        assert box.label in labels
    ranked = [box.probability for box in answer.boxes]
    assert ranked == sorted(ranked, reverse=True)
