# SPDX-License-Identifier: Apache-2.0
"""Classifiers made here with the real frameworks answer as those frameworks do.

There are no real exports of these kinds: SavedModel, OpenVINO, newer ONNX, and models that the
service never wrote.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

import frameworks
import references
import trunkline
from trunkline.exports.reading import read_one
from trunkline.images import to_tensor
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("fork", "knife", "spoon")
FIRST, SECOND = references.photographs(2, 150, 200, seed=4)
# Of different colours, so that a wrong order of the channels shows.
PICTURES = [FIRST, (SECOND * np.array([0.2, 0.5, 1])).astype(np.uint8)]
TAKEN, GIVEN = "Placeholder", {"outputs": "model_outputs:0"}


def model_at(path: Path) -> Model:
    model = read_one(path, "made")
    assert isinstance(model, Model), model
    return model


def agree(model: Model, reference, atol: float = 1e-5) -> None:
    """Compare answers with what ``reference`` makes of the very tensor the contract asks for."""
    models = trunkline.load(model)
    spread = []
    for picture in PICTURES:
        expected = np.asarray(reference(to_tensor(picture, model.contract)), np.float32).reshape(-1)
        answer = models.predict(picture)["made"]
        np.testing.assert_allclose(answer.probabilities, expected, rtol=0, atol=atol)
        spread.append(expected)
    # Or else a reader that fed the wrong thing would pass.
    assert np.abs(spread[0] - spread[1]).max() > 20 * atol


def labelled(folder: Path, labels=LABELS) -> Path:
    (folder / "labels.txt").write_text("\n".join(labels), "utf-8")
    return folder


def described(folder: Path, text: str, labels=LABELS) -> Path:
    (folder / "model.toml").write_text(f"labels = {json.dumps(labels)}\n{text}", "utf-8")
    return folder


@pytest.fixture(scope="module")
def real_saved_model(shared: Path, tmp_path_factory) -> Path:
    """A real frozen graph as a SavedModel, laid out as Custom Vision does it."""
    import tensorflow as tf

    source = shared / "models" / "desk-pb"
    graph = tf.compat.v1.GraphDef.FromString((source / "model.pb").read_bytes())
    folder = tmp_path_factory.mktemp("made") / "desk"
    frameworks.saved_model(folder, graph, "Placeholder", {"outputs": "loss:0"})
    shutil.copy(source / "labels.txt", folder)
    manifest = {"DomainType": "Classification", "Platform": "TensorFlow", "Flavor": "SavedModel"}
    (folder / "cvexport.manifest").write_text(json.dumps(manifest), "utf-8")
    return folder


def test_a_saved_model_of_a_real_graph_answers_as_tensorflow_does(
    shared: Path, real_saved_model: Path
) -> None:
    model = model_at(real_saved_model)
    assert (model.format, model.task) == ("TensorFlow SavedModel", "multilabel")
    assert model.contract == model_at(shared / "models" / "desk-pb").contract
    agree(model, lambda tensor: references.savedmodel(real_saved_model, tensor)["outputs"])


def test_a_zipped_saved_model_is_the_same_model(real_saved_model: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "desk"), "zip", real_saved_model)
    model = model_at(archive)
    assert model.source == archive
    agree(model, lambda tensor: references.savedmodel(real_saved_model, tensor)["outputs"])


def test_a_saved_model_of_keras_with_variables_answers_as_tensorflow_does(tmp_path: Path) -> None:
    folder = labelled(frameworks.keras_model(tmp_path / "keras"))
    (folder / "cvexport.manifest").write_text('{"DomainType": "Classification"}', "utf-8")
    model = model_at(folder)
    assert (model.task, model.contract.height, model.contract.order) == ("multiclass", 64, "RGB")
    agree(model, lambda tensor: references.savedmodel(folder, tensor)["output_0"])


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
def test_a_tflite_file_answers_as_litert_does(half: bool, tmp_path: Path) -> None:
    file = frameworks.lite(frameworks.small_classifier(), TAKEN, "model_outputs", half=half)
    folder = frameworks.write(tmp_path / "lite", file, "model.tflite", LABELS)
    model = model_at(folder)
    assert (model.contract.order, model.contract.maximum) == ("BGR", 255.0)
    agree(model, lambda tensor: references.litert(folder / "model.tflite", tensor)[0])


@pytest.mark.parametrize("form", ["Bgr8", "Rgb8"])
@pytest.mark.parametrize(
    ("reach", "maximum"), [("NominalRange_0_255", 255.0), ("Normalized_0_1", 1.0)]
)
def test_a_newer_onnx_file_is_fed_as_its_metadata_says(form, reach, maximum, tmp_path) -> None:
    metadata = {"Image.BitmapPixelFormat": form, "Image.NominalPixelRange": reach}
    file = frameworks.onnx_classifier(maximum=maximum, metadata=metadata)
    folder = frameworks.write(tmp_path / "onnx", file, "model.onnx", LABELS)
    model = model_at(folder)
    assert model.contract.order == form[:3].upper()
    assert (model.contract.maximum, model.contract.layout) == (maximum, "NCHW")
    agree(model, lambda t: references.onnxruntime(folder / "model.onnx", t)[0])


@pytest.mark.parametrize("opset", [13, 18, 21])
def test_newer_opsets_are_read(opset: int, tmp_path: Path) -> None:
    file = frameworks.onnx_classifier(opset=opset)
    folder = frameworks.write(tmp_path / "onnx", file, "model.onnx", LABELS)
    agree(model_at(folder), lambda t: references.onnxruntime(folder / "model.onnx", t)[0])


def test_an_onnx_file_of_float16_takes_float16(tmp_path: Path) -> None:
    file = frameworks.onnx_classifier(half=True)
    folder = frameworks.write(tmp_path / "onnx", file, "model.onnx", LABELS)
    model = model_at(folder)
    assert model.contract.dtype == "float16"
    # ONNX Runtime rounds to float16 between the operations, and Trunkline does not.
    agree(model, lambda t: references.onnxruntime(folder / "model.onnx", t)[0], 2e-3)


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
def test_an_openvino_export_takes_rgb_from_0_to_1(half: bool, tmp_path: Path) -> None:
    graph = frameworks.small_classifier().SerializeToString()
    frozen = frameworks.write(tmp_path / "pb", graph) / "model.pb"
    folder = labelled(frameworks.openvino_export(tmp_path / "ir", frozen, "BGR", half=half))
    model = model_at(folder)
    contract = model.contract
    assert (contract.layout, contract.order, contract.maximum) == ("NCHW", "RGB", 1.0)

    def reference(tensor: np.ndarray) -> np.ndarray:
        fed = frameworks.before_export(tensor, "BGR")
        return references.tensorflow(frozen, fed, "model_outputs:0")[0]

    agree(model, reference, 2e-3 if half else 1e-5)


def test_a_frozen_graph_that_someone_converted_to_openvino_is_fed_as_before(tmp_path: Path) -> None:
    function = frameworks.function(frameworks.small_classifier(), TAKEN, GIVEN)
    folder = labelled(frameworks.openvino_ir(tmp_path / "ir", function))
    model = model_at(folder)
    contract = model.contract
    assert (contract.layout, contract.order, contract.maximum) == ("NHWC", "BGR", 255.0)
    agree(model, lambda tensor: function(tensor)["outputs"])


ANY_CLASSIFIER = """
task = "multilabel"
[input]
order = "RGB"
maximum = 1
mean = [0.5, 0.25, 0.125]
std = [0.02, 0.04, 0.02]
[output]
decode = "logits"
"""


def logits(tensor: np.ndarray, run) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(run(tensor), np.float64)))


def any_network():
    """A graph of another's: other names, and no softmax or sigmoid at the end."""
    graph = frameworks.small_classifier(side=48)
    for node in graph.node:
        if node.name in {"Placeholder", "dense"}:
            node.name = {"Placeholder": "x", "dense": "scores"}[node.name]
        node.input[:] = ["x" if name == "Placeholder" else name for name in node.input]
    del graph.node[next(i for i, n in enumerate(graph.node) if n.name == "Softmax") :]
    return graph


def test_any_frozen_graph_with_a_model_toml(tmp_path: Path) -> None:
    folder = frameworks.write(tmp_path / "any", any_network().SerializeToString())
    described(folder, ANY_CLASSIFIER)
    agree(
        model_at(folder),
        lambda t: logits(
            t, lambda t: references.tensorflow(folder / "model.pb", t, "scores:0", feed="x:0")[0]
        ),
    )


def test_any_tflite_file_with_a_model_toml(tmp_path: Path) -> None:
    file = frameworks.lite(any_network(), "x", "scores")
    folder = described(frameworks.write(tmp_path / "any", file, "net.tflite"), ANY_CLASSIFIER)
    agree(
        model_at(folder),
        lambda t: logits(t, lambda t: references.litert(folder / "net.tflite", t)[0]),
    )


def test_any_openvino_model_with_a_model_toml(tmp_path: Path) -> None:
    function = frameworks.function(any_network(), "x", {"scores": "scores:0"})
    folder = described(frameworks.openvino_ir(tmp_path / "any", function), ANY_CLASSIFIER)
    agree(model_at(folder), lambda t: logits(t, lambda t: function(t)["scores"]))


def test_any_onnx_file_with_a_model_toml(tmp_path: Path) -> None:
    file = frameworks.onnx_classifier()
    folder = frameworks.write(tmp_path / "any", file, "net.onnx")
    described(folder, 'task = "multiclass"\n[input]\norder = "RGB"\nmean = [1, 2, 3]\n')
    model = model_at(folder)
    assert (model.task, model.contract.order) == ("multiclass", "RGB")
    assert model.contract.mean == (1.0, 2.0, 3.0)
    agree(model, lambda t: references.onnxruntime(folder / "net.onnx", t)[0])
