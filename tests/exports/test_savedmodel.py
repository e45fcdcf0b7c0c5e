# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import frameworks
from exports import damage
from trunkline.errors import ExportError
from trunkline.exports.messages import SavedModel
from trunkline.exports.savedmodel import read
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

DATA = "variables/variables.data-00000-of-00001"
INDEX = "variables/variables.index"


@pytest.fixture(scope="module")
def keras(tmp_path_factory) -> Path:
    """A SavedModel with variables and functions."""
    folder = frameworks.keras_model(tmp_path_factory.mktemp("saved") / "keras")
    (folder / "labels.txt").write_text("a\nb\nc", "utf-8")
    (folder / "cvexport.manifest").write_text("{}", "utf-8")
    (folder / "model.toml").write_text('task = "multiclass"', "utf-8")
    return folder


@pytest.fixture
def export(keras: Path, tmp_path: Path) -> Path:
    return shutil.copytree(keras, tmp_path / "export")


def test_a_saved_model_with_variables_is_read(keras: Path) -> None:
    network = read(keras)
    assert network.format == "TensorFlow SavedModel"
    assert (network.labels, dict(network.metadata), network.notes) == (None, {}, ())
    (taken,) = network.graph.inputs
    assert list(taken.get_partial_shape())[3] == 3
    assert len(network.graph.outputs) == 1


def test_a_saved_model_of_constants_needs_no_variables(tmp_path: Path) -> None:
    folder = frameworks.saved_model(
        tmp_path / "saved",
        frameworks.small_classifier(),
        "Placeholder",
        {"outputs": "model_outputs:0"},
    )
    assert not (folder / INDEX).exists()
    assert len(read(folder).graph.outputs) == 1


@pytest.mark.parametrize("data", [b"this is text", SavedModel().SerializeToString(), b"\x08\x01"])
def test_what_is_no_saved_model_is_refused(data: bytes, export: Path) -> None:
    (export / "saved_model.pb").write_bytes(data)
    with pytest.raises(ExportError, match="not a SavedModel, or only a part of one"):
        read(export)


def test_a_cut_saved_model_is_refused(export: Path) -> None:
    data = (export / "saved_model.pb").read_bytes()
    for length in range(0, len(data), len(data) // 40):
        (export / "saved_model.pb").write_bytes(data[:length])
        with pytest.raises(ExportError):
            read(export)


def test_missing_variables_are_refused(export: Path) -> None:
    shutil.rmtree(export / "variables")
    with pytest.raises(ExportError, match="cannot read this model"):
        read(export)


def test_variables_that_openvino_would_stumble_over_are_refused(export: Path) -> None:
    (export / INDEX).write_bytes((export / INDEX).read_bytes()[:-1])
    with pytest.raises(ExportError, match="index of its variables is damaged"):
        read(export)


def test_a_call_that_openvino_would_stumble_over_is_refused(export: Path) -> None:
    model = SavedModel.FromString((export / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    next(f for f in functions if f.ret).ret.clear()
    (export / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(ExportError, match="calls a function wrongly"):
        read(export)


@pytest.mark.parametrize("name", ["saved_model.pb", INDEX, DATA])
def test_a_damaged_saved_model_is_refused_or_read(name: str, export: Path) -> None:
    outcomes = damage.readings(export, name, 40)
    damage.run(outcomes[:10])
    assert any(isinstance(outcome, ExportError) for outcome in outcomes)
    # A changed number among the variables is still a number.
    assert any(isinstance(outcome, Model) for outcome in outcomes) or name == INDEX


def test_a_damaged_real_saved_model_is_refused_or_read(shared: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    source = shared / "models" / "fruit-2"
    graph = tf.compat.v1.GraphDef.FromString((source / "model.pb").read_bytes())
    folder = tmp_path / "fruit"
    frameworks.saved_model(folder, graph, "Placeholder", {"outputs": "loss:0"})
    shutil.copyfile(source / "labels.txt", folder / "labels.txt")
    outcomes = damage.readings(folder, "saved_model.pb", 12)
    assert any(isinstance(outcome, ExportError) for outcome in outcomes)
