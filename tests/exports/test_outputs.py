# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest
from openvino import opset13 as ops

from exports.graphs import graph_of, pooled
from trunkline.decoding import (
    BoxesDecoder,
    ClassificationDecoder,
    YoloGridDecoder,
    YoloRowsDecoder,
)
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.network import Network
from trunkline.exports.outputs import Case, decide_answer
from trunkline.exports.settings import ModelSettings, OutputSettings


def decide(graph, settings=None, metadata=None, layout="NCHW"):
    return decide_answer(
        Case(Network(graph, "test"), metadata or {}, settings, layout, (8, 8), "here")
    )


def told(task=None, **output):
    return ModelSettings(task=task, output=OutputSettings(**output))


def boxes_and_more(*names, extra=0):
    """A graph with boxes (1, n, 4), scores and classes (1, n) under these names."""

    def build(x):
        flat = ops.reshape(x, ops.constant([1, -1]), special_zero=False)
        boxes = ops.reshape(x, ops.constant([1, -1, 4]), special_zero=False)
        return [boxes, *(ops.relu(flat) for _ in range(len(names) - 1 + extra))]

    return graph_of(build, (1, 3, 8, 8), names=names)


def grid(channels, layout="NCHW"):
    """A graph whose output is a grid of cells."""

    def build(x):
        weights = np.zeros((channels, 3, 2, 2), np.float32)
        cells = ops.convolution(x, ops.constant(weights), [2, 2], [0, 0], [0, 0], [1, 1])
        return cells if layout == "NCHW" else ops.transpose(cells, ops.constant([0, 2, 3, 1]))

    return graph_of(build, names=["model_outputs0"])


def rows(*shape):
    def build(x):
        zeros = ops.multiply(
            ops.reduce_mean(x, ops.constant([0, 1, 2, 3])), ops.constant(np.float32(0))
        )
        return ops.add(zeros, ops.constant(np.zeros(shape, np.float32)))

    return graph_of(build)


@pytest.mark.parametrize(
    ("last", "task"), [(lambda x: ops.softmax(x, 1), "multiclass"), (ops.sigmoid, "multilabel")]
)
def test_the_last_operation_decides_the_task(last, task) -> None:
    answer = decide(graph_of(lambda x: last(pooled(x, 4)), names=["loss"]))
    assert (answer.task, answer.label_count) == (task, 4)
    assert answer.decoder == ClassificationDecoder(task)
    assert answer.decisions[0].value == task


def test_a_reshape_after_the_softmax_changes_nothing() -> None:
    def build(x):
        return ops.unsqueeze(ops.softmax(pooled(x, 4), 1), ops.constant([2]))

    answer = decide(graph_of(build))
    assert (answer.task, answer.label_count) == ("multiclass", 4)


def test_model_toml_may_say_the_other_task() -> None:
    graph = graph_of(lambda x: ops.sigmoid(pooled(x, 2)))
    assert decide(graph, told("multiclass")).task == "multiclass"


def test_an_output_without_activation_is_refused_with_the_remedy() -> None:
    with pytest.raises(UnsupportedExportError, match=r"model\.toml"):
        decide(graph_of(lambda x: pooled(x, 2)))


@pytest.mark.parametrize(
    ("task", "decode", "activation"),
    [
        ("multiclass", "logits", "softmax"),
        ("multilabel", "logits", "sigmoid"),
        ("multiclass", "probabilities", "none"),
    ],
)
def test_model_toml_says_what_the_outputs_are(task, decode, activation) -> None:
    answer = decide(graph_of(lambda x: pooled(x, 2)), told(task, decode=decode))
    assert answer.decoder == ClassificationDecoder(task, activation)


def test_boxes_of_the_service_are_taken_in_their_order() -> None:
    graph = boxes_and_more("detected_boxes", "detected_classes", "detected_scores")
    answer = decide(graph)
    assert answer.decoder == BoxesDecoder("xyxy", 0)
    names = [next(iter(o.get_names())) for o in answer.graph.outputs]
    assert names == ["detected_boxes", "detected_scores", "detected_classes"]
    assert answer.label_count is None


def test_boxes_of_the_object_detection_api_begin_with_class_one() -> None:
    graph = boxes_and_more(
        "detection_boxes", "num_detections", "detection_scores", "detection_classes"
    )
    answer = decide(graph)
    assert answer.decoder == BoxesDecoder("yxyx", 1)
    assert len(answer.graph.outputs) == 4


def test_model_toml_names_the_outputs_of_other_detectors() -> None:
    graph = boxes_and_more("b", "c", "s", extra=1)
    names = ("b", "s", "c:0")
    settings = told("detection", decode="boxes", tensors=names, corners="yxyx", threshold=0.3)
    answer = decide(graph, settings)
    assert answer.decoder == BoxesDecoder("yxyx", 0, threshold=0.3)
    assert [next(iter(o.get_names())) for o in answer.graph.outputs] == ["b", "s", "c"]


def test_an_output_that_does_not_exist_is_named() -> None:
    settings = told("detection", decode="boxes", tensors=("nope", "s", "c"))
    with pytest.raises(ExportError, match=r"'nope'.*b, c, s"):
        decide(boxes_and_more("b", "c", "s"), settings)


def test_boxes_need_three_outputs() -> None:
    with pytest.raises(ExportError, match="three outputs"):
        decide(boxes_and_more("b", "s"), told("detection", decode="boxes"))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_grid_is_a_compact_detector(layout) -> None:
    answer = decide(grid(5 * (5 + 3), layout), layout=layout)
    assert (answer.task, answer.label_count) == ("detection", 3)
    assert answer.decoder == YoloGridDecoder(layout=layout)


def test_anchors_of_the_metadata_are_used() -> None:
    metadata = {"CustomVision.Postprocess.Yolo.Biases": json.dumps([1.0, 2.0, 3.0, 4.0])}
    answer = decide(grid(2 * (5 + 1)), metadata=metadata)
    assert answer.decoder == YoloGridDecoder(anchors=((1.0, 2.0), (3.0, 4.0)), layout="NCHW")


@pytest.mark.parametrize("biases", ["[]", "nonsense", "[1.0]", "3", "[1, null]"])
def test_anchors_that_make_no_sense_are_passed_over(biases) -> None:
    answer = decide(grid(30), metadata={"CustomVision.Postprocess.Yolo.Biases": biases})
    assert answer.decoder == YoloGridDecoder(layout="NCHW")


def test_model_toml_sets_the_grid() -> None:
    settings = told(
        "detection", decode="yolo-grid", anchors=((1.0, 1.0),), iou=0.3, limit=7, threshold=0.2
    )
    answer = decide(grid(7), settings)
    assert answer.decoder == YoloGridDecoder(((1.0, 1.0),), "NCHW", 0.2, 0.3, 7)
    assert answer.label_count == 2


def test_a_grid_of_another_number_of_channels_is_refused() -> None:
    with pytest.raises(UnsupportedExportError, match="not a grid of 5 boxes"):
        decide(grid(31))


@pytest.mark.parametrize(
    ("shape", "objectness", "transposed"), [((1, 9, 8), True, False), ((1, 7, 9), False, True)]
)
def test_rows_of_boxes(shape, objectness, transposed) -> None:
    settings = told("detection", decode="yolo-rows", objectness=objectness, transposed=transposed)
    answer = decide(rows(*shape), settings)
    assert answer.decoder == YoloRowsDecoder(objectness, (8, 8), transposed)
    assert answer.label_count == 3


@pytest.mark.parametrize("shape", [(1, 9, 4), (9, 8)])
def test_rows_too_short_for_a_class_are_refused(shape) -> None:
    with pytest.raises(ExportError, match="rows of boxes"):
        decide(rows(*shape), told("detection", decode="yolo-rows", objectness=False))


def test_of_several_outputs_the_known_one_is_taken() -> None:
    def build(x):
        logits = pooled(x, 3)
        return [logits, ops.softmax(logits, 1)]

    answer = decide(graph_of(build, names=["features", "model_outputs"]))
    assert (answer.task, len(answer.graph.outputs)) == ("multiclass", 1)


def test_of_several_unknown_outputs_none_is_guessed() -> None:
    def build(x):
        return [pooled(x, 3), ops.softmax(pooled(x, 3), 1)]

    with pytest.raises(UnsupportedExportError, match=r"2 outputs \(a, b\)"):
        decide(graph_of(build, names=["a", "b"]))
