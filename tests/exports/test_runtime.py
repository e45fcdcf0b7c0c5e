# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import frameworks
import trunkline
from trunkline.errors import ExportError
from trunkline.exports.runtime import core, read_graph

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def graph() -> bytes:
    return frameworks.onnx_classifier()


def test_there_is_one_core() -> None:
    assert core() is core()


def test_a_graph_is_read_from_bytes_and_from_a_file(graph: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(graph)
    read = [
        read_graph(graph, "here"),
        read_graph(tmp_path / "model.onnx", "here"),
        read_graph(str(tmp_path / "model.onnx"), "here"),
    ]
    assert {len(each.get_ops()) for each in read} == {len(read[0].get_ops())}
    assert all(each.outputs[0].get_names() == {"model_output"} for each in read)


def test_what_cannot_be_read_is_refused_under_the_name_the_person_gave(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text('<net version="11"><layers></net>', "utf-8")
    with pytest.raises(ExportError) as caught:
        read_graph(tmp_path / "model.xml", "second.zip")
    assert caught.value.source == "second.zip"
    assert "damaged, or not of the kind its name says" in caught.value.problem
    assert "\n" not in caught.value.problem
    assert len(caught.value.problem) < 500


@pytest.mark.parametrize("name", [b"relu", b"model_output"])
def test_names_that_are_no_text_are_refused(name: bytes, graph: bytes) -> None:
    damaged = graph.replace(name, b"\xff" + name[1:])
    assert damaged != graph
    with pytest.raises(ExportError, match="cannot read this model"):
        read_graph(damaged, "here")


def test_a_file_may_be_overwritten_while_its_model_runs(shared: Path, tmp_path: Path) -> None:
    """A mapped file would change, or vanish, under the model."""
    source = shared / "models" / "soda-softmax"
    folder = tmp_path / "soda"
    folder.mkdir()
    for name in ("model.pb", "labels.txt"):
        shutil.copyfile(source / name, folder / name)
    picture = np.arange(227 * 227 * 3, dtype=np.uint8).reshape(227, 227, 3)
    models = trunkline.load(folder)
    before = models.predict(picture)["soda"].probabilities
    with (folder / "model.pb").open("r+b") as file:
        file.truncate(0)
    np.testing.assert_array_equal(models.predict(picture)["soda"].probabilities, before)


def test_threads_that_begin_at_once_do_not_wait_for_one_another() -> None:
    """Without the line at the module's top, three of four such processes never end."""
    code = """
import sys, threading
import openvino
import trunkline.exports.runtime

sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)

def ask():
    barrier.wait()
    openvino.Type.f32.to_dtype()

threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(20)
# Neither a thread that hangs nor the interpreter's end may hold the test up.
import os
os._exit(any(thread.is_alive() for thread in threads))
"""
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
        assert done.returncode == 0
