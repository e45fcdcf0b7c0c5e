# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

import frameworks
import trunkline
from exports.damage import is_one_sentence
from exports.graphs import graph_of, pooled
from trunkline.contracts import Preset
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import interpreting
from trunkline.exports.reading import Known, Read, read_all, read_models, read_named, read_one
from trunkline.exports.templates import make_template
from trunkline.graphs.merging import outline
from trunkline.models import Model

LABELS = ("a", "b", "c")


def model_at(path: Path) -> Model:
    model = read_one(path, "model")
    assert isinstance(model, Model), model
    return model


def error_at(path: Path) -> ExportError:
    error = read_one(path, "model")
    assert isinstance(error, ExportError)
    is_one_sentence(error, path)
    return error


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A frozen classifier with its labels, as the service exports it."""
    graph = frameworks.small_classifier().SerializeToString()
    return frameworks.write(tmp_path / "export", graph, labels=LABELS)


def saved(folder: Path, graph: openvino.Model) -> Path:
    folder.mkdir(exist_ok=True)
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    return folder


def why(model: Model, what: str) -> tuple[str, str]:
    (decision,) = (d for d in model.decisions if d.what == what)
    return decision.value, decision.because


def test_a_label_of_many_models_is_held_once(export: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(export, tmp_path / "twin"))
    for each in (export, twin):
        labels = (f"kind {number} of screw" for number in range(len(LABELS)))
        (each / "labels.txt").write_text("\n".join(labels), "utf-8")
    one, other = model_at(export).labels, model_at(twin).labels
    assert one[0] == "kind 0 of screw"
    assert [id(label) for label in one] == [id(label) for label in other]


# Real exports and their oddities


def test_a_project_of_one_label(shared: Path) -> None:
    model = model_at(shared / "models" / "bear-1-label")
    assert (model.labels, model.task) == (("bear",), "multilabel")


def test_an_output_of_several_names(shared: Path) -> None:
    model = model_at(shared / "models" / "desk-pb")
    assert len(model.labels) == 5
    assert {"loss:0", "model_outputs:0"} <= model.graph.outputs[0].get_names()


def test_labels_with_windows_line_ends(shared: Path) -> None:
    model = model_at(shared / "models" / "bananas")
    assert model.labels == ("Apple", "Banana", "Dugong")
    assert model.notes == ("labels.txt has Windows line ends",)


def test_a_wrong_hash_is_noted_and_no_more(shared: Path) -> None:
    model = model_at(shared / "models" / "fruit-7-tflite")
    assert len(model.labels) == 7
    assert "ModelFileSHA1" in model.notes[0]


def test_metadata_that_lies_about_range_and_order(shared: Path) -> None:
    model = model_at(shared / "models" / "meter-container-2025")
    value, because = why(model, "order")
    assert (value, model.contract.maximum) == ("BGR", 255.0)
    assert because == "the graph itself subtracts 104, 117, 123, the means in that order"
    assert model.contract.preset is Preset.CONTAINER_2024


def test_the_earliest_form_needs_the_mean_subtracted(shared: Path) -> None:
    earliest = model_at(shared / "models" / "fruit-7-no-mean")
    assert earliest.contract.mean == (104.0, 117.0, 123.0)
    assert model_at(shared / "models" / "fruit-2").contract.mean == (0.0, 0.0, 0.0)


def test_the_app_folder_of_a_container(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "container" / "app"
    shutil.copytree(shared / "models" / "hotdog-container", folder)
    (folder / "app.py").write_text("import flask", "utf-8")
    (folder / "predict.py").write_text("import tensorflow", "utf-8")
    model = model_at(tmp_path / "container")
    assert len(model.labels) == 2
    assert [m.name for m in read_models(tmp_path / "container")] == ["container"]


def test_every_real_export_of_a_folder_is_named_after_its_own(shared: Path) -> None:
    names = ["bananas", "bear-1-label", "soda-softmax"]
    found = {m.name for m in read_models(shared / "models") if isinstance(m, Model)}
    assert set(names) <= found
    assert len(found) == 27


# What is told and what is decided


def test_what_was_decided_is_said(export: Path) -> None:
    model = model_at(export)
    assert (model.name, model.source, model.format) == ("model", str(export), "TensorFlow")
    whats = [decision.what for decision in model.decisions]
    assert sorted(whats) == ["maximum", "mean", "order", "preset", "size", "task"]
    assert all(decision.value and decision.because for decision in model.decisions)


def test_a_model_toml_outweighs_everything(export: Path) -> None:
    (export / "model.toml").write_text(
        'task = "multilabel"\nname = "mine"\nlabels = ["x", "y", "z"]\n'
        '[input]\norder = "RGB"\nmaximum = 1\nresize = "tensorflowjs"\n',
        "utf-8",
    )
    (model,) = read_models(export)
    assert (model.name, model.labels, model.task) == ("mine", ("x", "y", "z"), "multilabel")
    assert (model.contract.order, model.contract.maximum) == ("RGB", 1.0)
    assert model.contract.preset is Preset.TENSORFLOWJS
    assert why(model, "order") == ("RGB", "model.toml says so")


def test_a_model_toml_may_leave_the_guessing_to_trunkline(export: Path) -> None:
    (export / "model.toml").write_text('[input]\nresize = "sample-stretch"\n', "utf-8")
    contract = model_at(export).contract
    assert (contract.order, contract.preset) == ("BGR", Preset.SAMPLE_STRETCH)


def test_a_network_of_no_known_kind_must_be_described(tmp_path: Path) -> None:
    graph = graph_of(lambda x: ops.softmax(pooled(x, 3), 1), names=["y"])
    folder = saved(tmp_path / "other", graph)
    (folder / "labels.txt").write_text("a\nb\nc", "utf-8")
    error = error_at(folder)
    assert isinstance(error, UnsupportedExportError)
    assert "Put a model.toml beside it" in error.problem
    (folder / "metadata_properties.json").write_text(
        '{"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "Normalized_0_1"}', "utf-8"
    )
    contract = model_at(folder).contract
    assert (contract.order, contract.maximum) == ("BGR", 1.0)


def test_a_detector_of_one_size_is_stretched_to_it(tmp_path: Path) -> None:
    def build(x):
        kernel = np.random.default_rng(0).normal(0, 1, (40, 3, 32, 32)).astype(np.float32)
        zeros = np.zeros(2, np.int64)
        grid = ops.convolution(x, ops.constant(kernel), [32, 32], zeros, zeros, [1, 1])
        return ops.reshape(grid, ops.constant([1, 40, 2, 2]), special_zero=False)

    folder = saved(tmp_path / "fixed", graph_of(build, (1, 3, 64, 64), names=["model_outputs"]))
    (folder / "labels.txt").write_text("a\nb\nc", "utf-8")
    model = model_at(folder)
    assert (model.contract.preset, model.contract.height) == (Preset.SAMPLE_STRETCH, 64)
    value, because = why(model, "preset")
    assert (value, because) == ("sample-stretch", "this detector's graph takes one size only")


@pytest.mark.parametrize(("layout", "axes"), [("NCHW", [2, 3]), ("NHWC", [1, 2])])
def test_a_detector_that_shrinks_by_another_number_is_stretched_too(layout, axes, tmp_path) -> None:
    """Its sides would have to be other multiples than those of 32."""

    def build(x):
        sizes = ops.constant(np.array([3, 3], np.int64))
        shape = {"mode": "nearest", "shape_calculation_mode": "sizes"}
        grid = ops.interpolate(x, sizes, axes=ops.constant(axes), **shape)
        copies = [1, 6, 1, 1] if layout == "NCHW" else [1, 1, 1, 6]
        return ops.tile(grid, ops.constant(copies))

    shape = (1, 3, 96, 96) if layout == "NCHW" else (1, 96, 96, 3)
    folder = saved(tmp_path / "other", graph_of(build, shape, names=["model_outputs"]))
    (folder / "labels.txt").write_text("a", "utf-8")
    (folder / "metadata_properties.json").write_text(
        '{"CustomVision.Postprocess.Yolo.Biases": "[1, 1, 2, 2, 3, 3]"}', "utf-8"
    )
    assert model_at(folder).contract.preset is Preset.SAMPLE_STRETCH


# Faults, each in one sentence


def test_labels_of_another_export_are_refused(export: Path) -> None:
    (export / "labels.txt").write_text("a\nb", "utf-8")
    assert "it has 2 labels, and its graph answers for 3" in error_at(export).problem


def test_missing_labels_are_refused(export: Path) -> None:
    (export / "labels.txt").unlink()
    assert "Put a labels.txt beside the model" in error_at(export).problem


def test_an_error_names_the_zip_and_not_where_it_was_unpacked(export: Path, tmp_path: Path) -> None:
    (export / "model.pb").write_bytes(b"no graph")
    archive = Path(shutil.make_archive(str(tmp_path / "second"), "zip", export))
    error = error_at(archive)
    assert error.source == str(archive)
    assert "trunkline-" not in str(error)


def test_the_kind_of_an_error_survives(export: Path, tmp_path: Path) -> None:
    from trunkline.exports.messages import GraphDef

    graph = GraphDef.FromString((export / "model.pb").read_bytes())
    graph.node.add(name="w", op="VariableV2")
    (export / "model.pb").write_bytes(graph.SerializeToString())
    assert isinstance(error_at(export), UnsupportedExportError)


def test_one_name_is_for_one_model(export: Path, tmp_path: Path) -> None:
    shutil.copytree(export, tmp_path / "shelf" / "first")
    shutil.copytree(export, tmp_path / "shelf" / "second")
    assert (
        "it holds 2 models, and 'model' can name only one" in error_at(tmp_path / "shelf").problem
    )


def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no model" in error_at(tmp_path / "empty").problem
    assert "no such file" in error_at(tmp_path / "missing").problem


def test_a_broken_export_does_not_keep_others_from_being_read(export: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shutil.copytree(export, shelf / "first")
    shutil.copytree(export, shelf / "second")
    (shelf / "first" / "model.pb").write_bytes(b"no graph")
    first, second = read_models(shelf)
    assert isinstance(first, ExportError)
    assert (second.name, second.labels) == ("second", LABELS)
    models = trunkline.load(shelf, on_error="skip")
    assert list(models) == ["second"]
    assert [failure.source for failure in models.failures] == [str(shelf / "first")]


def test_a_fault_of_our_own_does_not_take_other_models_with_it(
    export, tmp_path, monkeypatch
) -> None:
    def fail(graph):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(interpreting, "find_normalisation", fail)
    error = read_one(export, "model")
    assert isinstance(error, ExportError)
    assert error.source == str(export)
    assert "ZeroDivisionError: by zero" in error.problem
    assert "Please report it" in error.problem


@pytest.mark.parametrize(
    "name", ["fruit-4", "fruit-7-tflite", "desk-earlier-coreml", "cat-dog-onnx-opset1"]
)
def test_a_model_file_is_opened_once(shared: Path, monkeypatch, name: str) -> None:
    """What is read is then what the next file is recognised by, whatever becomes of the file."""
    opened, really = [], Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        opened.append(path.suffix)
        return really(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    model_at(shared / "models" / name)
    assert sum(suffix in {".pb", ".tflite", ".mlmodel", ".onnx"} for suffix in opened) == 1


# Heads of networks that are known


@pytest.fixture(scope="module")
def known(shared: Path) -> Known:
    read = read_named(shared / "models" / "fruit-2", "fruit-2")
    assert isinstance(read, Read)
    head = outline(read.model.graph, read.model.contract).head
    template = make_template(read.origin.file, head.weights.T, head.bias)
    return Known(replace(read.model, graph=None), read.origin, template)


def test_only_the_head_of_a_known_network_is_read(shared: Path, known: Known) -> None:
    read = read_named(shared / "models" / "bananas", "mine", [known])
    assert isinstance(read, Read)
    assert (read.known, read.origin, read.model.graph) == (known, None, None)
    assert read.head.weights.shape == (512, 3)
    whole = model_at(shared / "models" / "bananas")
    assert read.model.name == "mine"
    for each in ("labels", "task", "contract", "format", "source", "decisions", "notes"):
        assert getattr(read.model, each) == getattr(whole, each)


def test_another_network_is_read_in_full(shared: Path, known: Known) -> None:
    read = read_named(shared / "models" / "landmarks-other-trunk", "other", [known])
    assert isinstance(read, Read)
    assert (read.known, read.head) == (None, None)
    assert read.model.graph is not None
    data = (shared / "models" / "landmarks-other-trunk/model.pb").read_bytes()
    assert read.origin.file.parts == (data,)


def test_a_known_network_with_other_settings_is_read_in_full(
    shared: Path, known: Known, tmp_path: Path
) -> None:
    for name in ("model.pb", "labels.txt"):
        shutil.copyfile(shared / "models" / "bananas" / name, tmp_path / name)
    (tmp_path / "model.toml").write_text('[input]\norder = "RGB"\n', "utf-8")
    (read,) = read_all(tmp_path, [known])
    assert isinstance(read, Read)
    assert read.known is None
    assert read.model.contract.order == "RGB"


def test_labels_must_fit_the_head_of_a_known_network(
    shared: Path, known: Known, tmp_path: Path
) -> None:
    shutil.copyfile(shared / "models" / "bananas" / "model.pb", tmp_path / "model.pb")
    (tmp_path / "labels.txt").write_text("a\nb", "utf-8")
    (error,) = read_all(tmp_path, [known])
    assert isinstance(error, ExportError)
    assert "it has 2 labels, and its graph answers for 3" in error.problem
