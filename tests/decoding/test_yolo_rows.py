# SPDX-License-Identifier: Apache-2.0
"""YOLO rows against plain loops written from the published rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from decoding.yolo_reference import HOSTILE, inside, same, slow_rows
from trunkline.decoding import YoloRowsDecoder
from trunkline.errors import ExportError
from trunkline.predictions import Box

LABELS = ("car", "sign", "tree")


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    length=st.integers(0, 40),
    objectness=st.booleans(),
    count=st.integers(1, 4),
    threshold=st.floats(0.01, 0.9),
    iou=st.floats(0.05, 0.9),
    limit=st.integers(1, 30),
)
def test_rows_as_the_slow_one(seed, length, objectness, count, threshold, iou, limit) -> None:
    labels, size = tuple(f"label {i}" for i in range(count)), (64, 32)
    rng = np.random.default_rng(seed)
    boxes = rng.random((length, 4)) * [64, 32, 40, 20]
    rows = np.float32(np.concatenate((boxes, rng.random((length, count + objectness))), axis=1))
    options = {"threshold": threshold, "iou": iou, "limit": limit}
    answer = YoloRowsDecoder(objectness, size, transposed=False, **options)([rows[None]], labels)
    same(answer, slow_rows(rows.tolist(), labels, objectness, size, options))
    turned = YoloRowsDecoder(objectness, size, transposed=True, **options)([rows.T[None]], labels)
    assert turned == answer


def test_rows_with_objectness_by_hand() -> None:
    row = np.float32([[[320, 120, 64, 48, 0.5, 0.25, 0.75, 0.5]]])
    answer = YoloRowsDecoder(True, (640, 480), False)([row], LABELS)
    same(answer, [Box("sign", 0.375, 0.45, 0.2, 0.1, 0.1)])


def test_columns_without_objectness_by_hand() -> None:
    column = np.float32([[[320], [120], [64], [48], [0.25], [0.5], [0.75]]])
    answer = YoloRowsDecoder(False, (640, 480), True)([column], LABELS)
    same(answer, [Box("tree", 0.75, 0.45, 0.2, 0.1, 0.1)])


def test_no_rows() -> None:
    assert YoloRowsDecoder(False, (64, 64), True)([np.zeros((1, 7, 0))], LABELS).boxes == ()
    assert YoloRowsDecoder(True, (64, 64), False)([np.zeros((1, 0, 8))], LABELS).boxes == ()


@settings(deadline=None)
@given(arrays.arrays(np.float32, (1, 5, 8), elements=HOSTILE), st.booleans())
def test_hostile_rows_give_boxes_inside_the_frame(rows, objectness) -> None:
    labels = LABELS if objectness else (*LABELS, "more")
    inside(YoloRowsDecoder(objectness, (64, 64), transposed=False)([rows], labels), labels)


def test_a_row_without_a_finite_score_is_dropped() -> None:
    box = [32, 32, 8, 8]
    rows = np.float32([[*box, math.inf, 0, 0, 0], [*box, 1, 0.5, 0, 0], [*box, 1, math.inf, 0, 0]])
    (found,) = YoloRowsDecoder(True, (64, 64), False)([rows], LABELS).boxes
    assert (found.label, found.probability) == ("car", 0.5)


@pytest.mark.parametrize(
    ("shape", "labels", "objectness", "transposed"),
    [
        ((1, 6, 7), LABELS, True, False),
        ((1, 6, 8), LABELS, False, False),
        ((1, 8, 6), LABELS, True, False),
        ((1, 6, 4), (), False, False),
        ((2, 6, 8), LABELS, True, False),
        ((7,), LABELS, False, True),
    ],
)
def test_rows_that_do_not_fit_are_refused(shape, labels, objectness, transposed) -> None:
    decoder = YoloRowsDecoder(objectness, (64, 64), transposed)
    with pytest.raises(ExportError, match="the graph's outputs"):
        decoder([np.zeros(shape, np.float32)], labels)
