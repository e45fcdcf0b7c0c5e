# SPDX-License-Identifier: Apache-2.0
"""YOLO grids against plain loops written from the published rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from decoding.yolo_reference import HOSTILE, inside, same, slow_grid
from trunkline.decoding import COMPACT_ANCHORS, YoloGridDecoder
from trunkline.errors import ExportError

LABELS = ("car", "sign", "tree")
ANCHORS = ((0.5, 0.75), (2.0, 1.0))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    anchors=st.sampled_from([ANCHORS[:1], ANCHORS, COMPACT_ANCHORS]),
    count=st.integers(1, 4),
    spread=st.sampled_from([0.5, 2.0, 5.0]),
    threshold=st.floats(0.01, 0.6),
    iou=st.floats(0.05, 0.9),
    limit=st.integers(1, 25),
)
def test_a_grid_as_the_slow_one(seed, shape, anchors, count, spread, threshold, iou, limit) -> None:
    labels = tuple(f"label {i}" for i in range(count))
    # Random numbers and not hypothesis' round ones: between equal scores the order is free.
    rng = np.random.default_rng(seed)
    grid = rng.normal(0, spread, (1, *shape, len(anchors) * (5 + count))).astype(np.float32)
    decoder = YoloGridDecoder(anchors, threshold=threshold, iou=iou, limit=limit)
    expected = slow_grid(grid[0].tolist(), anchors, labels, threshold, iou, limit)
    same(decoder([grid], labels), expected)
    turned = YoloGridDecoder(anchors, "NCHW", threshold, iou, limit)
    assert turned([grid.transpose(0, 3, 1, 2)], labels) == decoder([grid], labels)


def quiet(height: int = 2, width: int = 4, anchors: int = 1) -> np.ndarray:
    """A grid (1, H, W, A, 5 + 3) without any object."""
    grid = np.zeros((1, height, width, anchors, 8), np.float32)
    grid[..., 4] = -20
    return grid


def flat(grid: np.ndarray) -> list[np.ndarray]:
    return [grid.reshape(*grid.shape[:3], -1)]


def test_one_object_by_hand() -> None:
    grid = quiet(height=2, width=4, anchors=2)
    # Row 1, column 2, the anchor of 2 x 1 cells: twice as wide is 4 of 4 cells, half as high
    # is 0.5 of 2. Middle: (2 + 0.5) / 4 and (1 + 0.75) / 2.
    grid[0, 1, 2, 1] = [0, math.log(3), math.log(2), math.log(0.5), math.log(3), math.log(2), 0, 0]
    (box,) = YoloGridDecoder(ANCHORS)(flat(grid), LABELS).boxes
    assert box.label == "car"
    assert box.probability == pytest.approx(0.5 * 0.75)
    # 0.625 +- 0.5 sticks out on the right, 0.875 +- 0.125 does not.
    assert (box.left, box.top) == pytest.approx((0.125, 0.75))
    assert (box.width, box.height) == pytest.approx((0.875, 0.25))


def test_the_anchors_are_those_of_yolo_v2() -> None:
    grid = quiet(height=32, width=32, anchors=5)
    grid[0, 16, 16, :, 4:6] = 20
    found = YoloGridDecoder()(flat(grid), LABELS).boxes
    sizes = {(round(box.width * 32, 3), round(box.height * 32, 3)) for box in found}
    published = [(0.573, 0.677), (1.87, 2.06), (3.34, 5.47), (7.88, 3.53), (9.77, 9.17)]
    assert len(sizes) == 5
    for size, rounded in zip(sorted(sizes), published, strict=True):
        assert size == pytest.approx(rounded, abs=0.005)


def test_every_label_at_the_threshold_is_a_candidate() -> None:
    grid = quiet()
    grid[0, 0, 0, 0, 4:] = [20, math.log(6), math.log(3), 0]
    grid[0, 1, 3, 0, 4:] = [20, math.log(5), math.log(4), 0]
    found = YoloGridDecoder(ANCHORS[:1], threshold=0.25)(flat(grid), LABELS).boxes
    assert [(box.label, round(box.probability, 3)) for box in found] == [
        ("car", 0.6),
        ("car", 0.5),
    ], "as in the export's script, no more boxes than places in the grid"
    grid[0, 0, 3, 0, 4:] = [20, math.log(7), math.log(1.5), math.log(1.5)]
    found = YoloGridDecoder(ANCHORS[:1], threshold=0.25)(flat(grid), LABELS).boxes
    assert [(box.label, round(box.probability, 3)) for box in found] == [
        ("car", 0.7),
        ("car", 0.6),
        ("car", 0.5),
    ]


def test_a_second_label_is_found_where_another_box_of_the_first_was_suppressed() -> None:
    grid = quiet(height=1, width=1, anchors=2)
    grid[0, 0, 0, :, 4:] = [[20, math.log(6), math.log(3), 0], [20, math.log(5), math.log(2), 0]]
    found = YoloGridDecoder(((1, 1), (1, 1)))(flat(grid), LABELS).boxes
    assert [box.label for box in found] == ["car", "sign"]


def test_suppression_sees_boxes_before_they_are_clipped() -> None:
    """Clipped to the frame, both would be the same; before, the wide one is ten times as large."""
    grid = quiet(height=1, width=1, anchors=2)
    grid[0, 0, 0, :, 4:6] = 20
    found = YoloGridDecoder(((2, 2), (20, 2)))(flat(grid), LABELS).boxes
    assert [(box.width, box.height) for box in found] == [(1, 1), (1, 1)]


@pytest.mark.parametrize("shape", [(4, 8), (1, 1, 4, 8)])
def test_leading_axes_do_not_matter(shape) -> None:
    grid = np.random.default_rng(5).normal(0, 2, (1, 2, 2, 8)).astype(np.float32)
    decoder = YoloGridDecoder(ANCHORS[:1])
    answer = decoder([grid], LABELS)
    assert len(answer.boxes) > 0
    assert decoder([grid[0]], LABELS) == answer
    assert decoder([grid[None]], LABELS) == answer, "Core ML has a sequence axis, too"


def test_the_grid_may_change_from_frame_to_frame() -> None:
    decoder = YoloGridDecoder(ANCHORS[:1])
    for height, width in ((13, 13), (16, 12)):
        grid = quiet(height, width)
        grid[0, height - 1, width - 1, 0, 4:6] = 20
        (box,) = decoder(flat(grid), LABELS).boxes
        assert box.left + box.width / 2 == pytest.approx((width - 0.5) / width)
        assert box.top + box.height / 2 == pytest.approx((height - 0.5) / height, abs=0.01)


def test_an_empty_grid() -> None:
    assert YoloGridDecoder()([np.zeros((1, 0, 0, 40), np.float32)], LABELS).boxes == ()
    assert YoloGridDecoder(ANCHORS[:1])(flat(quiet()), LABELS).boxes == ()


@settings(deadline=None)
@given(arrays.arrays(np.float32, (1, 2, 2, 16), elements=HOSTILE), st.floats(0, 1))
def test_a_hostile_grid_gives_boxes_inside_the_frame(grid, threshold) -> None:
    answer = YoloGridDecoder(ANCHORS, threshold=threshold)([grid], LABELS)
    inside(answer, LABELS)
    assert all(box.probability >= threshold for box in answer.boxes)


@pytest.mark.parametrize("value", [math.inf, 1e30, 3.4e38])
def test_an_enormous_size_fills_the_frame(value) -> None:
    grid = quiet()
    grid[0, 0, 0, 0] = [0, 0, value, value, 20, 20, 0, 0]
    (box,) = YoloGridDecoder(ANCHORS[:1])(flat(grid), LABELS).boxes
    assert (box.left, box.top, box.width, box.height) == (0, 0, 1, 1)


@pytest.mark.parametrize("place", range(8))
def test_a_nan_drops_its_box_and_no_other(place) -> None:
    grid = quiet()
    grid[0, 0, 0, 0, 4:6] = 20
    grid[0, 1, 3, 0, 4:6] = 20
    grid[0, 0, 0, 0, place] = math.nan
    (box,) = YoloGridDecoder(ANCHORS[:1])(flat(grid), LABELS).boxes
    assert box.left > 0.5


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_grids_limit(limit) -> None:
    grid = quiet(height=2, width=2)
    grid[..., 4:6] = 20
    assert len(YoloGridDecoder(((0.5, 0.5),), limit=limit)(flat(grid), LABELS).boxes) == limit


@pytest.mark.parametrize(
    ("shape", "labels"),
    [
        ((1, 2, 2, 16), LABELS[:2]),
        ((1, 2, 2, 17), LABELS),
        ((1, 2, 2, 10), ()),
        ((2, 2, 2, 16), LABELS),
        ((2, 16), LABELS),
    ],
)
def test_a_grid_that_does_not_fit_is_refused(shape, labels) -> None:
    with pytest.raises(ExportError, match="the graph's outputs"):
        YoloGridDecoder(ANCHORS)([np.zeros(shape, np.float32)], labels)
