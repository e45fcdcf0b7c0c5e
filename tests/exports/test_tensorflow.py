# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import frameworks
from exports import damage
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.messages import GraphDef
from trunkline.exports.tensorflow import read
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def small() -> bytes:
    return frameworks.small_classifier().SerializeToString()


def written(folder: Path, data: bytes) -> Path:
    (folder / "model.pb").write_bytes(data)
    return folder / "model.pb"


def test_a_frozen_graph_is_read(shared: Path) -> None:
    network = read(shared / "models" / "desk-pb" / "model.pb")
    assert network.format == "TensorFlow"
    assert (network.labels, dict(network.metadata), network.notes) == (None, {}, ())
    (taken,), (given,) = network.graph.inputs, network.graph.outputs
    assert taken.get_names() == {"Placeholder:0"}
    assert {"loss:0", "model_outputs:0"} <= given.get_names()


@pytest.mark.parametrize("data", [b"this is text, not a graph", b"\x0a\xff\xff", b"\x0a\x05ab"])
def test_what_is_no_graph_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="not a TensorFlow graph, or only a part of one"):
        read(written(tmp_path, data))


def test_every_cut_is_refused(small: bytes, tmp_path: Path) -> None:
    """Cut between two nodes a graph is still a message, and has lost its end."""
    for length in range(1, len(small), 97):
        with pytest.raises(ExportError):
            read(written(tmp_path, small[:length]))


def test_a_graph_without_operations_is_refused(tmp_path: Path) -> None:
    graph = GraphDef()
    graph.versions.producer = 21
    with pytest.raises(ExportError, match="holds no TensorFlow graph"):
        read(written(tmp_path, graph.SerializeToString()))


def test_a_saved_model_under_another_name_is_no_graph(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    frameworks.saved_model(
        folder, frameworks.small_classifier(), "Placeholder", {"outputs": "model_outputs:0"}
    )
    with pytest.raises(ExportError, match="not a TensorFlow graph"):
        read(shutil.copy(folder / "saved_model.pb", tmp_path / "model.pb"))


@pytest.mark.parametrize("kind", ["Variable", "VariableV2", "VarHandleOp"])
def test_a_graph_that_is_not_frozen_is_refused_with_the_remedy(kind, small, tmp_path) -> None:
    graph = GraphDef.FromString(small)
    graph.node.add(name="weights", op=kind)
    with pytest.raises(UnsupportedExportError, match="Freeze the graph"):
        read(written(tmp_path, graph.SerializeToString()))


def test_an_operation_that_openvino_lacks_is_named(small, tmp_path) -> None:
    graph = GraphDef.FromString(small)
    next(node for node in graph.node if node.name == "Relu").op = "MyOwnActivation"
    with pytest.raises(UnsupportedExportError, match=r"does not know .* MyOwnActivation"):
        read(written(tmp_path, graph.SerializeToString()))


def test_a_damaged_graph_is_refused_or_read(small: bytes, tmp_path: Path) -> None:
    folder = frameworks.write(tmp_path / "export", small, labels=LABELS)
    outcomes = damage.readings(folder, "model.pb", 60)
    damage.run(outcomes[:30])
    assert {isinstance(outcome, Model) for outcome in outcomes} == {True, False}


def test_a_damaged_real_graph_is_refused_or_read(shared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(shared / "models" / "fruit-2", tmp_path / "fruit")
    (folder / "model.pb").chmod(0o600)
    folder.chmod(0o700)
    outcomes = damage.readings(folder, "model.pb", 15)
    assert any(isinstance(outcome, ExportError) for outcome in outcomes)
