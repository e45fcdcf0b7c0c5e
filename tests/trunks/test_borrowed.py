# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import builders
from engine.families import CHANNELS, SIDE, export, model
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.reading import read_models
from trunkline.exports.runtime import core
from trunkline.graphs.heads import find_dense_head
from trunkline.graphs.merging import outline
from trunkline.images import to_tensor
from trunkline.trunks import borrow, borrowed, with_head
from trunkline.trunks.identity import tensor_identity, trunk_identity
from trunkline.writers.targets import find_target

if TYPE_CHECKING:
    from pathlib import Path

REAL = {
    # TensorFlow with its mean in the file, ONNX with it in the graph, Core ML and TFLite.
    "fruit-2": (512, "TensorFlow", None),
    "plankton-4-onnx-opset1": (512, "ONNX", None),
    "desk-earlier-coreml": (512, "CoreML", None),
    "fruit-7-tflite": (512, "TensorFlow", "TensorFlowLite"),
    "apple-orange-container-2025": (1024, "TensorFlow", "TensorFlowLite"),
}


def run(graph, picture: np.ndarray) -> np.ndarray:
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    return core().compile_model(graph, "CPU", config)(picture)[0]


def test_the_trunk_ends_before_the_dense_layer(tmp_path: Path) -> None:
    trunk = borrow(export(tmp_path / "one", (1, 2)))
    assert (trunk.name, trunk.features) == (str(tmp_path / "one"), CHANNELS)
    assert (trunk.contract.layout, trunk.contract.order) == ("NHWC", "BGR")
    assert (trunk.platform, trunk.flavor) == ("OpenVino", None)
    assert [port.get_names() for port in trunk.graph.inputs] == [{"Placeholder"}]
    assert list(trunk.graph.inputs[0].shape) == [1, SIDE, SIDE, 3]
    assert list(trunk.graph.outputs[0].shape) == [1, CHANNELS]
    assert "MatMul" not in {node.get_type_name() for node in trunk.graph.get_ops()}


def test_one_trunk_has_one_identity(tmp_path: Path) -> None:
    same = [borrow(export(tmp_path / str(seed), (1, 2), seed=seed)) for seed in range(2)]
    other = borrow(export(tmp_path / "other", (1, 3)))
    assert same[0].identity == same[1].identity != other.identity
    for trunk in (*same, other):
        assert trunk_identity(trunk.graph, trunk.contract) == trunk.identity


@pytest.mark.parametrize("name", REAL)
def test_real_exports_lend_their_trunks(shared: Path, name: str) -> None:
    """With its own head back on, the answers are the export's, and the trunk is shared."""
    path = shared / "models" / name
    (read,) = read_models(path)
    trunk = borrow(path)
    assert (trunk.features, trunk.platform, trunk.flavor) == REAL[name]
    assert trunk.contract.layout == "NHWC"
    head = outline(read.graph, read.contract).head
    joined = with_head(trunk, head.weights, head.bias, head.activation)
    pixels = np.random.default_rng(0).integers(0, 256, (240, 260, 3), np.uint8)
    found = run(joined, to_tensor(pixels, trunk.contract))
    expected = run(read.graph, to_tensor(pixels, read.contract))
    np.testing.assert_allclose(found.ravel(), expected.ravel(), atol=1e-5)


@pytest.mark.parametrize("name", REAL)
def test_a_new_head_shares_the_trunk_of_the_export(shared: Path, name: str) -> None:
    trunk = borrow(shared / "models" / name)
    joined = with_head(trunk, np.ones((2, REAL[name][0]), "f4"), np.zeros(2, "f4"), "softmax")
    again = outline(joined, trunk.contract)
    assert tensor_identity(again.features) == trunk.identity


def test_one_network_of_many_formats_is_one_trunk(shared: Path) -> None:
    names = "fruit-2", "desk-earlier-onnx-opset1", "desk-earlier-coreml", "desk-earlier-pb"
    assert len({borrow(shared / "models" / name).identity for name in names}) == 1


def test_a_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedExportError, match=r"it is a detector.* Take a classifier"):
        borrow(builders.boxes_detector(tmp_path / "places"))


def test_a_network_without_a_dense_layer_is_refused(tmp_path: Path) -> None:
    for path in (
        export(tmp_path / "mean", (1,), end="mean"),
        builders.openvino_classifier(tmp_path / "colours"),
    ):
        with pytest.raises(UnsupportedExportError, match="does not end in one dense layer") as why:
            borrow(path)
        assert path.name in str(why.value)


def test_several_models_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(tmp_path / name, (1,))
    with pytest.raises(ExportError, match=r"holds 2 models.* Name one\."):
        borrow(tmp_path)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing of the kind")
    (error,) = read_models(broken)
    with pytest.raises(ExportError) as caught:
        borrow(broken)
    assert str(caught.value) == str(error)
    with pytest.raises(ExportError):
        borrow(tmp_path / "nowhere")


def test_a_broken_model_beside_a_good_one_is_left_out(tmp_path: Path) -> None:
    export(tmp_path / "all" / "good", (1,))
    (tmp_path / "all" / "broken.tflite").write_bytes(b"nothing of the kind")
    assert borrow(tmp_path / "all").features == CHANNELS


@pytest.mark.parametrize("found", [[], [replace(model("lent", (1,)), graph=None)]])
def test_models_without_a_network(monkeypatch: pytest.MonkeyPatch, found) -> None:
    monkeypatch.setattr(borrowed, "read_models", lambda path: iter(found))
    with pytest.raises(ExportError, match=r"holds no model|part of a model set"):
        borrow("models/lent")


@pytest.mark.parametrize(
    ("form", "platform", "flavor"),
    [
        ("TensorFlow", "TensorFlow", None),
        ("TensorFlow SavedModel", "TensorFlow", "TensorFlowSavedModel"),
        ("TensorFlow Lite", "TensorFlow", "TensorFlowLite"),
        ("TensorFlow.js", "TensorFlow", "TensorFlowJs"),
        ("ONNX opset 7", "ONNX", None),
        ("Core ML", "CoreML", None),
        ("OpenVINO IR", "OpenVino", None),
        ("something new", "ONNX", None),
    ],
)
def test_models_are_written_as_the_export_was(
    monkeypatch: pytest.MonkeyPatch, form: str, platform: str, flavor: str | None
) -> None:
    read = replace(model("lent", (1,)), format=form)
    monkeypatch.setattr(borrowed, "read_models", lambda path: iter([read]))
    trunk = borrow("models/lent")
    assert (trunk.platform, trunk.flavor) == (platform, flavor)
    assert find_target(platform, flavor).platform == platform


def test_the_export_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = model("lent", (1,))
    monkeypatch.setattr(borrowed, "read_models", lambda path: iter([read]))
    borrow("models/lent")
    assert read.graph is not None
    assert find_dense_head(outline(read.graph, read.contract).graph) is not None
