# SPDX-License-Identifier: Apache-2.0
"""Suppression against exact arithmetic in plain Python, and by its own definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.decoding import suppress, suppress_per_class


def exact_overlap(a: list[int], b: list[int]) -> Fraction:
    """Intersection over union in fractions; 0 where there is no union."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(high, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return Fraction(shared, union) if union else Fraction(0)


def slow(boxes, scores, classes, iou: float, limit: int) -> list[int]:
    """The textbook's loop: go from best to worst, keep what no kept box of its class covers."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        rivals = [k for k in kept if classes[k] == classes[i]]
        if all(exact_overlap(boxes[i], boxes[k]) <= iou for k in rivals):
            kept.append(i)
    return kept[:limit]


@st.composite
def boxes_with_scores(draw, biggest: int = 12):
    """Boxes on a small grid of whole numbers, so that areas and ties are exact."""
    count = draw(st.integers(0, biggest))
    corner, side = st.integers(-2, 4), st.integers(0, 5)
    flat = [
        (left := draw(corner), top := draw(corner), left + draw(side), top + draw(side))
        for _ in range(count)
    ]
    scores = draw(st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.9]), min_size=count, max_size=count))
    classes = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    return [list(box) for box in flat], scores, classes


def as_arrays(boxes, scores, classes):
    return (
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(classes, np.int64),
    )


# Powers of two, so that a share of an area is exact as well.
SHARES = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])


@settings(deadline=None)
@given(boxes_with_scores(), SHARES, st.integers(0, 13))
def test_per_class_as_the_slow_one(drawn, iou, limit) -> None:
    kept = suppress_per_class(*as_arrays(*drawn), iou, limit)
    assert kept.tolist() == slow(*drawn, iou, limit)


@settings(deadline=None)
@given(boxes_with_scores(), SHARES, st.integers(0, 13))
def test_across_classes_as_the_slow_one(drawn, iou, limit) -> None:
    boxes, scores, _ = drawn
    arrays = as_arrays(*drawn)
    kept = suppress(arrays[0], arrays[1], iou, limit)
    assert kept.tolist() == slow(boxes, scores, [0] * len(boxes), iou, limit)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.floats(0.05, 0.95), st.integers(1, 60))
def test_no_kept_rivals_overlap_and_every_dropped_box_has_a_reason(seed, count, iou, limit) -> None:
    rng = np.random.default_rng(seed)
    at, size = rng.random((count, 2)), rng.random((count, 2)) * 0.5
    boxes, scores = np.concatenate((at, at + size), axis=1), rng.random(count)
    classes = rng.integers(0, 2, count)
    kept = suppress_per_class(boxes, scores, classes, iou, limit).tolist()

    def rivals(i: int, j: int) -> bool:
        a, b = boxes[i].tolist(), boxes[j].tolist()
        wide = max(0, min(a[2], b[2]) - max(a[0], b[0]))
        high = max(0, min(a[3], b[3]) - max(a[1], b[1]))
        union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high
        return bool(classes[i] == classes[j]) and wide * high / union > iou

    assert len(kept) == len(set(kept)) <= limit
    assert [scores[i] for i in kept] == sorted((scores[i] for i in kept), reverse=True)
    assert not any(rivals(i, j) for i in kept for j in kept if i < j)
    full = len(kept) == limit
    for i in set(range(count)) - set(kept):
        beaten = any(rivals(i, j) and scores[j] >= scores[i] for j in kept)
        assert beaten or (full and scores[i] <= scores[kept[-1]])


def test_by_hand() -> None:
    # The second covers half of the first: 2 of 4 + 2 - 2. The third touches nothing.
    boxes = np.float32([[0, 0, 2, 2], [0, 0, 2, 1], [5, 5, 6, 6]])
    scores = np.float32([0.5, 0.9, 0.7])
    assert suppress(boxes, scores, 0.49, 9).tolist() == [1, 2]
    assert suppress(boxes, scores, 0.5, 9).tolist() == [1, 2, 0], "as much is not more"
    assert suppress(boxes, scores, 0.5, 2).tolist() == [1, 2]


def test_a_chain_keeps_its_ends() -> None:
    """The middle box is dropped, so it drops nobody."""
    boxes = np.float32([[0, 0, 4, 1], [2, 0, 6, 1], [4, 0, 8, 1]])
    assert suppress(boxes, np.float32([0.9, 0.8, 0.7]), 0.25, 9).tolist() == [0, 2]


def test_classes_do_not_rival() -> None:
    boxes, scores = np.float32([[0, 0, 1, 1]] * 3), np.float32([0.5, 0.6, 0.7])
    kept = suppress_per_class(boxes, scores, np.array([0, 0, 1]), 0.45, 9)
    assert kept.tolist() == [2, 1]


def test_the_lower_index_wins_a_tie() -> None:
    boxes = np.float32([[0, 0, 1, 1]] * 40)
    assert suppress(boxes, np.full(40, 0.5, np.float32), 0.45, 9).tolist() == [0]


@pytest.mark.parametrize("limit", [0, 5])
def test_nothing_in_nothing_out(limit) -> None:
    kept = suppress(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.45, limit)
    assert kept.shape == (0,)
    assert np.issubdtype(kept.dtype, np.integer)


def test_a_limit_of_none() -> None:
    assert suppress(np.float32([[0, 0, 1, 1]]), np.float32([1]), 0.45, 0).tolist() == []


def test_enormous_boxes_do_not_overflow() -> None:
    boxes = np.float32([[-1e30, -1e30, 1e30, 1e30]] * 2 + [[0, 0, 1, 1]])
    assert suppress(boxes, np.float32([0.9, 0.8, 0.7]), 0.45, 9).tolist() == [0, 2]


def test_boxes_without_area_rival_nobody() -> None:
    boxes = np.float32([[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 2, 2]])
    assert suppress(boxes, np.float32([0.9, 0.8, 0.7]), 0.0, 9).tolist() == [0, 1, 2]
