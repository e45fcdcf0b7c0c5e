# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

import trunkline
from exports import damage
from exports.graphs import graph_of, pooled
from trunkline.errors import ExportError
from trunkline.exports.openvino import read
from trunkline.exports.reading import read_one
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A classifier of 2 labels in the service's names."""
    folder = tmp_path / "export"
    folder.mkdir()

    def build(picture):
        kernel = np.random.default_rng(0).normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
        zeros = np.zeros(2, np.int64)
        features = ops.convolution(picture, ops.constant(kernel), [1, 1], zeros, zeros, [1, 1])
        mean = ops.reduce_mean(ops.relu(features), ops.constant([2, 3]), keep_dims=False)
        weights = np.random.default_rng(1).normal(0, 9, (4, 2)).astype(np.float32)
        return ops.softmax(ops.matmul(mean, ops.constant(weights), False, False), 1)

    graph = graph_of(build, names=["model_outputs"])
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    (folder / "labels.txt").write_text("a\nb", "utf-8")
    return folder


def test_an_xml_with_its_bin_is_read(export: Path) -> None:
    network = read(export / "model.xml")
    assert network.format == "OpenVINO IR"
    assert (network.labels, dict(network.metadata), network.notes) == (None, {}, ())
    assert network.graph.outputs[0].get_names() == {"model_outputs"}


def test_the_form_before_2022_is_read(export: Path) -> None:
    """Version 10 knows no names of tensors; the operations' own take their place."""
    file = export / "model.xml"
    text = re.sub(r' names="[^"]*"', "", file.read_text("utf-8").replace('"11"', '"10"'))
    named = re.sub(r'name="\w+"( type="SoftMax")', r'name="model_outputs"\1', text)
    assert 'name="model_outputs" type="SoftMax"' in named
    file.write_text(named, "utf-8")
    assert read(file).graph.outputs[0].get_names() == {"model_outputs"}
    model = read_one(export, "old")
    assert isinstance(model, Model), model
    answer = trunkline.load(model).predict(np.full((8, 8, 3), 99, np.uint8))["old"]
    assert answer.probabilities.sum() == pytest.approx(1)


def test_a_form_too_old_for_openvino_is_refused(export: Path) -> None:
    file = export / "model.xml"
    file.write_text(file.read_text("utf-8").replace('version="11"', 'version="7"', 1), "utf-8")
    with pytest.raises(ExportError, match="cannot read this model"):
        read(file)


def test_missing_weights_are_named(export: Path) -> None:
    (export / "model.bin").unlink()
    with pytest.raises(ExportError, match=r"model\.bin, are not beside it"):
        read(export / "model.xml")


def test_an_xml_of_something_else_is_refused(export: Path) -> None:
    (export / "model.xml").write_text("<html></html>", "utf-8")
    with pytest.raises(ExportError, match="not an OpenVINO model"):
        read(export / "model.xml")


def test_cut_weights_are_refused(export: Path) -> None:
    weights = (export / "model.bin").read_bytes()
    for length in (0, 1, len(weights) // 2, len(weights) - 1):
        (export / "model.bin").write_bytes(weights[:length])
        with pytest.raises(ExportError, match="cannot read this model"):
            read(export / "model.xml")


@pytest.mark.parametrize("name", ["model.xml", "model.bin"])
def test_a_damaged_export_is_refused_or_read(name: str, export: Path) -> None:
    outcomes = damage.readings(export, name, 60)
    damage.run(outcomes[:20])
    assert {isinstance(outcome, Model) for outcome in outcomes} == {True, False}


def test_an_export_without_softmax_needs_a_model_toml(export: Path) -> None:
    graph = graph_of(lambda picture: pooled(picture, 2), names=["model_outputs"])
    openvino.save_model(graph, export / "model.xml")
    outcome = read_one(export, "bare")
    assert isinstance(outcome, ExportError)
    assert "neither softmax nor sigmoid" in str(outcome)
