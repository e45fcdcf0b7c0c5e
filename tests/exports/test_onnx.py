# SPDX-License-Identifier: Apache-2.0
"""ONNX models of opset 7 and later, read and run, against ONNX Runtime."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import references
from exports.onnx_models import classifier, model, names, node, output, run, saved, values, weights
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.network import Network
from trunkline.exports.onnx import read

if TYPE_CHECKING:
    from pathlib import Path

OPSET_7 = {
    "cat-dog-onnx-opset7": ("cat", "dog"),
    "desk-onnx-opset7": ("controller", "keyboard", "laptop", "monitor", "mouse"),
}


# The service's exports of opset 7


@pytest.mark.parametrize("name", OPSET_7)
def test_an_export_of_opset_7_answers_as_onnx_runtime_does(shared: Path, name: str) -> None:
    path = shared / "models" / name / "model.onnx"
    network = read(path)
    for picture in references.pictures(3, (227, 227), seed=7):
        tensor = picture.transpose(0, 3, 1, 2).copy()
        _, (expected,) = references.onnxruntime(path, tensor)  # the best label, and a dictionary
        (answer,) = run(network, tensor)
        by_label = dict(zip(network.labels, answer[0], strict=True))
        assert by_label == pytest.approx(expected, abs=1e-5, rel=0)


@pytest.mark.parametrize("name", OPSET_7)
def test_what_an_export_of_opset_7_says_is_kept(shared: Path, name: str) -> None:
    network = read(shared / "models" / name / "model.onnx")
    assert network.format == "ONNX opset 7"
    assert network.labels == OPSET_7[name]
    assert dict(network.metadata) == {"Image.BitmapPixelFormat": "Bgr8"}
    assert names(network) == [{"loss"}]
    assert [list(p.get_partial_shape())[1:] for p in network.graph.inputs] == [[3, 227, 227]]
    assert network.graph.inputs[0].get_partial_shape()[0].is_dynamic
    (note,) = network.notes
    assert "label lookup" in note


# Newer models


@pytest.mark.parametrize("opset", [7, 9, 11, 12, 13, 15, 17, 18, 21])
def test_a_classifier_answers_as_onnx_runtime_does(tmp_path: Path, opset: int) -> None:
    path = saved(classifier(opset), tmp_path)
    network = read(path)
    tensor = values(2, 3, 17, 14, seed=5)
    (answer,), (expected,) = run(network, tensor), references.onnxruntime(path, tensor)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)
    assert (network.format, network.labels, network.notes) == (f"ONNX opset {opset}", None, ())
    assert (dict(network.metadata), names(network)) == ({}, [{"out"}])


def test_half_precision_is_kept(tmp_path: Path) -> None:
    half = classifier()
    for tensor in half.graph.initializer:
        value = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(value, tensor.name))
    for declared in (*half.graph.input, *half.graph.output):
        declared.type.tensor_type.elem_type = TensorProto.FLOAT16
    path = saved(half, tmp_path)
    network = read(path)
    assert network.graph.inputs[0].get_element_type().get_type_name() == "f16"
    tensor = values(1, 3, 17, 14).astype(np.float16)
    (answer,), (expected,) = run(network, tensor), references.onnxruntime(path, tensor)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=2e-3)


def test_all_outputs_of_a_detector_are_kept_in_order(tmp_path: Path) -> None:
    nodes = [
        node("GlobalAveragePool", ["data"], ["mean"]),
        node("Flatten", ["mean"], ["detected_scores"]),
        node("Concat", ["detected_scores"] * 4, ["rows"], axis=0),
        node("Transpose", ["rows"], ["columns"], perm=[1, 0]),
        node("Unsqueeze", ["columns", "first"], ["detected_boxes"]),
        node("TopK", ["detected_scores", "count"], ["best", "detected_classes"]),
    ]
    constants = {"first": np.array([0]), "count": np.array([3])}
    declared = [
        output("detected_boxes", shape=[1, None, 4]),
        output("detected_classes", TensorProto.INT64, [1, None]),
        output("detected_scores", shape=[1, None]),
    ]
    path = saved(model(nodes, constants, shape=(1, 3, 8, 8), outputs=declared), tmp_path)
    network = read(path)
    tensor = values(1, 3, 8, 8)
    assert names(network) == [{"detected_boxes"}, {"detected_classes"}, {"detected_scores"}]
    expected = references.onnxruntime(path, tensor)
    for answer, wanted in zip(run(network, tensor), expected, strict=True):
        np.testing.assert_allclose(answer, wanted, rtol=0, atol=1e-6)


def test_a_raw_grid_of_boxes_is_an_output_like_any_other(tmp_path: Path) -> None:
    nodes = [node("Conv", ["data", "w"], ["model_outputs0"], strides=[4, 4])]
    made = model(nodes, {"w": values(35, 3, 4, 4)}, opset=11, outputs=["model_outputs0"])
    path = saved(made, tmp_path)
    network = read(path)
    tensor = values(1, 3, 17, 14)
    (answer,), (expected,) = run(network, tensor), references.onnxruntime(path, tensor)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)
    assert names(network) == [{"model_outputs0"}]


def test_functions_of_the_model_itself_are_written_out(tmp_path: Path) -> None:
    body = [node("Relu", ["x"], ["r"]), node("Neg", ["r"], ["y"])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    function = helper.make_function("mine", "NegatedRelu", ["x"], ["y"], body, opsets[:1])
    made = model([node("NegatedRelu", ["data"], ["out"], domain="mine")], opset=17)
    made.opset_import.append(opsets[1])
    made.functions.append(function)
    tensor = values(1, 3, 17, 14)
    (answer,) = run(read(saved(made, tmp_path)), tensor)
    np.testing.assert_array_equal(answer, -np.maximum(tensor, 0))


def test_metadata_is_read(tmp_path: Path) -> None:
    made = classifier()
    told = {"Image.BitmapPixelFormat": "Rgb8", "Image.NominalPixelRange": "Normalized_0_1"}
    helper.set_model_props(made, told)
    assert dict(read(saved(made, tmp_path)).metadata) == told


def test_weights_listed_among_the_inputs_are_no_inputs(tmp_path: Path) -> None:
    listed = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
        for name, value in weights().items()
    ]
    made = classifier()
    made.graph.input.extend(listed)
    (taken,) = read(saved(made, tmp_path)).graph.inputs
    assert taken.get_names() == {"data"}


def test_constants_keep_their_bits(shared: Path) -> None:
    path = shared / "models/desk-onnx-opset7/model.onnx"
    told = {onnx.numpy_helper.to_array(t).tobytes() for t in onnx.load(path).graph.initializer}
    operations = read(path).graph.get_ops()
    read_back = {o.get_data().tobytes() for o in operations if o.get_type_name() == "Constant"}
    assert len(told) > 50
    assert told <= read_back


# What cannot be read


def test_several_inputs_are_named(tmp_path: Path) -> None:
    mask = helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 3, 17, 14])
    path = saved(model([node("Add", ["data", "mask"], ["out"])], more_inputs=[mask]), tmp_path)
    with pytest.raises(UnsupportedExportError, match=r"2 inputs \(data, mask\)"):
        read(path)


def test_a_model_without_an_input_is_refused(tmp_path: Path) -> None:
    made = model([node("Relu", ["w"], ["out"])], {"w": values(2)})
    del made.graph.input[:]
    with pytest.raises(ExportError, match="no input for a picture"):
        read(saved(made, tmp_path))


@pytest.mark.parametrize("version", [0, -7, 2**40])
def test_an_absurd_opset_is_refused(tmp_path: Path, version: int) -> None:
    with pytest.raises(ExportError, match=f"ONNX opset {version}"):
        read(saved(classifier(version), tmp_path))


def test_an_empty_file_holds_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.write_bytes(b"")
    with pytest.raises(ExportError, match=r"empty\.onnx: .* holds no graph"):
        read(path)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(99), b"<html></html>"])
def test_what_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="not an ONNX model"):
        read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="No such file"):
        read(tmp_path / "model.onnx")


def test_nothing_is_said_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    data = classifier().SerializeToString()
    for length in (0, 1, 20, len(data) // 2, len(data) - 1):
        _read_or_refuse(tmp_path, data[:length])
    assert capfd.readouterr() == ("", "")


# Damaged files


def _read_or_refuse(folder: Path, data: bytes) -> None:
    path = folder / "model.onnx"
    path.write_bytes(data)
    found = None
    with contextlib.suppress(ExportError):
        found = read(path)
    assert found is None or isinstance(found, Network)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("onnx")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_refused_or_read(folder: Path, data: bytes) -> None:
    _read_or_refuse(folder, data)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_model_is_refused_or_read(folder: Path, data: st.DataObject) -> None:
    whole = classifier().SerializeToString()
    _read_or_refuse(folder, whole[: data.draw(st.integers(0, len(whole) - 1))])
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    _read_or_refuse(folder, bytes(damaged))


@pytest.mark.parametrize("name", ["desk-onnx-opset7", "food-onnx-opset1"])
def test_a_damaged_export_is_refused_or_read(shared: Path, tmp_path: Path, name: str) -> None:
    whole = (shared / "models" / name / "model.onnx").read_bytes()
    chance = random.Random(3)
    for _ in range(15):
        _read_or_refuse(tmp_path, whole[: chance.randrange(len(whole))])
        damaged = bytearray(whole)
        for _ in range(3):
            # The operations stand at the beginning, the outputs at the end.
            place = chance.choice([chance.randrange(20_000), -1 - chance.randrange(4_000)])
            damaged[place] ^= 1 << chance.randrange(8)
        _read_or_refuse(tmp_path, bytes(damaged))
