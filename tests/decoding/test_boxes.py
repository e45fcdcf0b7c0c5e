# SPDX-License-Identifier: Apache-2.0
"""Graphs that answer with finished boxes: S1 detectors and the Object Detection API."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trunkline.decoding import BoxesDecoder
from trunkline.errors import ExportError
from trunkline.predictions import Box

LABELS = ("car", "sign", "tree")

S1 = (
    np.float32([[0.25, 0.5, 0.5, 1.0], [0.0, 0.0, 0.5, 0.25], [0.5, 0.5, 1.0, 1.0]]),
    np.float32([0.25, 0.75, 0.5]),
    np.array([2, 0, 1]),
)
S1_BOXES = (
    Box("car", 0.75, 0.0, 0.0, 0.5, 0.25),
    Box("sign", 0.5, 0.5, 0.5, 0.5, 0.5),
    Box("tree", 0.25, 0.25, 0.5, 0.25, 0.5),
)


def padded(rows: int = 100, count: float = 3.0) -> tuple[np.ndarray, ...]:
    """The same answer as the Object Detection API pads it: yxyx, classes from 1, batch first."""
    boxes = np.zeros((1, rows, 4), np.float32)
    scores, classes = np.zeros(rows), np.ones(rows)
    boxes[0, :3] = S1[0][:, [1, 0, 3, 2]]
    scores[:3], classes[:3] = S1[1], S1[2] + 1
    return boxes, np.float32(scores[None]), np.float32(classes[None]), np.float32([count])


def test_s1_without_a_batch_axis() -> None:
    answer = BoxesDecoder()(S1, LABELS)
    assert answer.labels == LABELS
    assert answer.boxes == S1_BOXES


def test_s1_with_a_batch_axis_as_in_onnx() -> None:
    assert BoxesDecoder()([output[None] for output in S1], LABELS).boxes == S1_BOXES


def test_s1_with_columns_as_in_openvino() -> None:
    outputs = [S1[0][None], S1[1][None, :, None], S1[2][None, :, None]]
    assert BoxesDecoder()(outputs, LABELS).boxes == S1_BOXES


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32, np.float64])
def test_classes_of_any_number_type(dtype) -> None:
    assert BoxesDecoder()([*S1[:2], S1[2].astype(dtype)], LABELS).boxes == S1_BOXES


def test_object_detection_api() -> None:
    decoder = BoxesDecoder(corners="yxyx", first_class=1)
    assert decoder(padded(), LABELS).boxes == S1_BOXES
    assert decoder(padded()[:3], LABELS).boxes == S1_BOXES, "padding has no area, nor a score"


@pytest.mark.parametrize(
    ("count", "left"), [(2, 2), (0, 0), (-1, 0), (1e30, 3), (np.inf, 3), (np.nan, 0)]
)
def test_the_number_of_detections_truncates(count, left) -> None:
    decoder = BoxesDecoder(corners="yxyx", first_class=1)
    assert len(decoder(padded(count=count), LABELS).boxes) == left


def test_the_background_has_no_label() -> None:
    decoder = BoxesDecoder(first_class=1)
    assert [box.label for box in decoder(S1, LABELS).boxes] == ["car", "sign"]


def test_classes_without_a_label_are_dropped() -> None:
    assert BoxesDecoder()(S1, LABELS[:2]).boxes == S1_BOXES[:2]
    assert BoxesDecoder()(S1, ()).boxes == ()


def test_pixels() -> None:
    boxes = S1[0] * np.float32([640, 480, 640, 480])
    assert BoxesDecoder(scale=(640, 480))([boxes, *S1[1:]], LABELS).boxes == S1_BOXES


def test_pixels_with_the_other_order() -> None:
    boxes = S1[0][:, [1, 0, 3, 2]] * np.float32([480, 640, 480, 640])
    decoder = BoxesDecoder(corners="yxyx", scale=(640, 480))
    assert decoder([boxes, *S1[1:]], LABELS).boxes == S1_BOXES


@pytest.mark.parametrize(("threshold", "left"), [(0.0, 3), (0.25, 3), (0.26, 2), (0.8, 0)])
def test_the_threshold(threshold, left) -> None:
    assert BoxesDecoder(threshold=threshold)(S1, LABELS).boxes == S1_BOXES[:left]


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_the_limit_keeps_the_best(limit) -> None:
    assert BoxesDecoder(limit=limit)(S1, LABELS).boxes == S1_BOXES[:limit]


def test_equal_scores_keep_the_graphs_order() -> None:
    boxes = np.float32([[0, 0, 0.001 * i, 1] for i in range(1, 601)])
    scores = np.float32([0.25, 0.75, 0.5] * 200)
    found = BoxesDecoder(limit=600)([boxes, scores, np.zeros(600)], LABELS).boxes
    assert len(found) == 600
    for score in (0.25, 0.5, 0.75):
        widths = [box.width for box in found if box.probability == score]
        assert widths == sorted(widths)


def test_a_class_that_is_nearly_a_whole_number() -> None:
    """As dequantised graphs may give it."""
    assert BoxesDecoder()([*S1[:2], S1[2] - 0.001], LABELS).boxes == S1_BOXES


@pytest.mark.parametrize("shapes", [((0, 4), (0,), (0,)), ((1, 0, 4), (1, 0), (1, 0))])
def test_nothing_found(shapes) -> None:
    outputs = [np.zeros(shape, np.float32) for shape in shapes]
    assert BoxesDecoder()(outputs, LABELS).boxes == ()


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, (6, 4), elements=st.floats(width=32)),
    arrays.arrays(np.float32, 6, elements=st.floats(width=32)),
    arrays.arrays(np.float32, 6, elements=st.floats(width=32)),
    st.sampled_from([None, (320.0, 320.0)]),
)
def test_whatever_the_graph_says_boxes_are_inside_the_frame(boxes, scores, classes, scale) -> None:
    answer = BoxesDecoder(scale=scale)([boxes, scores, classes], LABELS)
    for box in answer.boxes:
        assert 0 <= box.left < 1
        assert 0 <= box.top < 1
        assert 0 < box.width <= 1
        assert 0 < box.height <= 1
        assert 0.01 <= box.probability <= 1
        assert box.label in LABELS
    ranked = [box.probability for box in answer.boxes]
    assert ranked == sorted(ranked, reverse=True)


@pytest.mark.parametrize(
    "outputs",
    [
        S1[:2],
        (S1[0][:2], *S1[1:]),
        (S1[0], S1[1][:2], S1[2]),
        (*S1[:2], S1[2][:2]),
        (S1[0][:, :3], *S1[1:]),
        (*S1, np.float32([1, 2])),
        (*S1, np.float32([])),
    ],
)
def test_outputs_that_do_not_fit_together_are_refused(outputs) -> None:
    with pytest.raises(ExportError, match=r"the graph's outputs: .* come from one export"):
        BoxesDecoder()(outputs, LABELS)
