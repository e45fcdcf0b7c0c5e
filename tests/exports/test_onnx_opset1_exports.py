# SPDX-License-Identifier: Apache-2.0
"""The service's ONNX exports of opset 1, which no runtime of today reads.

They are evaluated here a second time, from the file as it is, in NumPy. One of them was also
exported as a TensorFlow graph, which is the reference for the evaluation itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import references
from exports.onnx_models import normalisation, run, windows
from trunkline.contracts import InputContract, Preset
from trunkline.exports.onnx import read
from trunkline.images import read_picture, to_tensor

if TYPE_CHECKING:
    from pathlib import Path

OPSET_1 = {
    "cat-dog-onnx-opset1": ("cat", "dog"),
    "desk-earlier-onnx-opset1": ("controller", "keyboard", "laptop", "monitor", "mouse"),
    "food-onnx-opset1": ("cheesecake", "Donuts", "Fries"),
    "plankton-4-onnx-opset1": ("Copepod", "Doliolid", "hydromedusae", "Molusk"),
    "plankton-5-onnx-opset1": (
        "Chaetognath", "Copepod", "Hydromedusae", "Mollusc", "TunicateDoliolid",
    ),
}  # fmt: skip


def convolution(x, w, b, kernel_shape, strides, pads=(0, 0, 0, 0), **_):
    top, left, bottom, right = pads
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    y = np.tensordot(windows(x, kernel_shape, strides), w, ((1, 4, 5), (1, 2, 3)))
    return y.transpose(0, 3, 1, 2) + b[:, None, None]


def legacy_padding(x, kernel_shape, strides, pads, value):
    """One row and column more, until the last window ends with the picture or beyond."""
    assert pads == [0, 0]
    more = [0, 0]
    for axis in (0, 1):
        while (x.shape[2 + axis] + more[axis] - kernel_shape[axis]) % strides[axis]:
            more[axis] += 1
    return np.pad(x, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), constant_values=value)


OPERATIONS = {
    "ImageScaler": lambda x, scale, bias: x * scale + np.float32(bias)[:, None, None],
    "BatchNormalization": normalisation,
    "Mul": lambda x, c, axis, broadcast: x * c[:, None, None],
    "Add": lambda x, c, axis, broadcast: x + c[:, None, None],
    "Conv": convolution,
    "Relu": lambda x: x.clip(min=0),
    "LegacyPadding": legacy_padding,
    "MaxPool": lambda x, kernel_shape, strides, **_: windows(x, kernel_shape, strides).max((4, 5)),
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdims=True),
    "Flatten": lambda x, axis: x.reshape(len(x), -1),
    "FC": lambda x, w, b, axis, axis_w: x @ w.T + b,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def evaluate(path: Path, picture: np.ndarray) -> np.ndarray:
    """Return the probabilities that ZipMap takes, each node of the file computed when it can be."""
    graph = onnx.load(path).graph
    known = {t.name: numpy_helper.to_array(t) for t in graph.initializer} | {"data": picture}
    waiting = list(graph.node)
    while waiting:
        current = next(n for n in waiting if all(name in known for name in n.input))
        waiting.remove(current)
        taken = [known[name] for name in current.input]
        if current.op_type == "ZipMap":
            return taken[0]
        if current.op_type in OPERATIONS:
            attributes = {a.name: helper.get_attribute_value(a) for a in current.attribute}
            known[current.output[0]] = OPERATIONS[current.op_type](*taken, **attributes)
    raise AssertionError("no ZipMap")


@pytest.mark.parametrize("name", OPSET_1)
def test_an_export_of_opset_1_answers_as_its_file_says(shared: Path, name: str) -> None:
    path = shared / "models" / name / "model.onnx"
    network = read(path)
    (picture,) = references.pictures(1, (227, 227), seed=9)
    tensor = picture.transpose(0, 3, 1, 2).copy()
    (answer,) = run(network, tensor)
    np.testing.assert_allclose(answer, evaluate(path, tensor), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", OPSET_1)
def test_what_an_export_of_opset_1_says_is_kept(shared: Path, name: str) -> None:
    network = read(shared / "models" / name / "model.onnx")
    assert (network.format, network.labels) == ("ONNX opset 1", OPSET_1[name])
    (port,) = network.graph.outputs
    assert port.get_names() == {"loss"}
    assert str(port.get_partial_shape()) == f"[?,{len(OPSET_1[name])}]"
    assert any("opset 1 to 7" in note for note in network.notes)


def test_an_iteration_answers_as_its_tensorflow_export_does(shared: Path) -> None:
    path = shared / "models/desk-earlier-onnx-opset1/model.onnx"
    network = read(path)
    for picture in references.pictures(3, (227, 227), seed=4):
        frozen = shared / "models/desk-earlier-pb/model.pb"
        (expected,) = references.tensorflow(frozen, picture, "loss:0")
        tensor = picture.transpose(0, 3, 1, 2).copy()
        (answer,) = run(network, tensor)
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(evaluate(path, tensor), expected, rtol=0, atol=1e-5)


def test_thirty_pictures_of_food_are_known(shared: Path) -> None:
    network = read(shared / "models/food-onnx-opset1/model.onnx")
    contract = InputContract(227, 227, Preset.CONTAINER_2018, layout="NCHW")
    paths = sorted((shared / "pictures/food").glob("*/*.jpg"))
    tensors = [to_tensor(read_picture(path.read_bytes()), contract) for path in paths]
    (answers,) = run(network, np.concatenate(tensors))
    labels = [network.labels[row.argmax()].lower() for row in answers]
    assert len(paths) == 30
    assert labels == [path.parent.name.lower() for path in paths]


def test_constants_keep_their_bits(shared: Path) -> None:
    """Also across generations: both exports of the cats and dogs hold the same trunk."""
    found = []
    for opset in (1, 7):
        path = shared / f"models/cat-dog-onnx-opset{opset}/model.onnx"
        told = [numpy_helper.to_array(t).tobytes() for t in onnx.load(path).graph.initializer]
        operations = read(path).graph.get_ops()
        kept = {o.get_data().tobytes() for o in operations if o.get_type_name() == "Constant"}
        assert set(told) <= kept
        found.append({t for t in told if len(t) >= 64})
    first, second = found
    assert len(first & second) == 50  # 25 convolutions; the dense layer is each one's own
