# SPDX-License-Identifier: Apache-2.0
"""Frozen graphs: TensorFlow answers as the original does, and the trunk is the original's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import references
import trunkline
from trunkline.errors import MissingExtraError, UnsupportedExportError
from trunkline.writers import tensorflow
from writers import made

if TYPE_CHECKING:
    from pathlib import Path

# Of every format and form that there is: with and without normalisation, padded by a step of its
# own, in groups, with channels shuffled, and of open size.
MODELS = [
    "desk-pb", "fruit-7-no-mean", "lane-explicit-pad", "meter-container-2025",
    "desk-earlier-coreml", "desk-onnx-opset7", "plankton-5-onnx-opset1", "mobile", "compact",
]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_the_same_network(name: str, shared: Path, tmp_path: Path) -> None:
    model = made.original(name, shared, tmp_path)
    (tmp_path / "written").mkdir()
    assert tensorflow.write(model, tmp_path / "written") == "model.pb"
    written = made.described(tmp_path / "written", model)
    assert written.format == "TensorFlow"
    assert written.labels == model.labels
    assert made.same_network(model, written)
    assert made.share_everything(model, written)


@pytest.mark.parametrize("name", ["desk-pb", "fruit-7-no-mean", "meter-container-2025", "mobile"])
def test_tensorflow_answers_as_the_original(name: str, shared: Path, tmp_path: Path) -> None:
    model = made.original(name, shared, tmp_path)
    tensorflow.write(model, tmp_path)
    models, outputs = trunkline.load(model), ("loss:0", "model_outputs:0")
    for picture in made.pictures(shared):
        tensor = made.fed(model, picture)
        loss, same = references.tensorflow(tmp_path / "model.pb", tensor, *outputs)
        expected = models.predict(picture)["original"].probabilities
        np.testing.assert_allclose(loss[0], expected, rtol=0, atol=1e-4)
        assert loss.tobytes() == same.tobytes()


def test_several_pictures_may_come_at_once(shared: Path, tmp_path: Path) -> None:
    model = made.original("meter-container-2025", shared, tmp_path)
    tensorflow.write(model, tmp_path)
    tensors = [made.fed(model, picture) for picture in made.pictures(shared)]
    batch = references.tensorflow(tmp_path / "model.pb", np.concatenate(tensors), "loss:0")[0]
    for row, tensor in zip(batch, tensors, strict=True):
        (alone,) = references.tensorflow(tmp_path / "model.pb", tensor, "loss:0")
        np.testing.assert_allclose(row, alone[0], rtol=0, atol=1e-6)


def test_a_compact_detector_takes_pictures_of_any_size(shared: Path, tmp_path: Path) -> None:
    model = made.original("compact", shared, tmp_path)
    (tmp_path / "written").mkdir()
    tensorflow.write(model, tmp_path / "written")
    for size in ((64, 96), (128, 64)):
        (tensor,) = references.pictures(1, size)
        path = tmp_path / "written" / "model.pb"
        (answer,) = references.tensorflow(path, tensor, "model_outputs:0")
        expected = made.raw(model, tensor)
        assert answer.shape == expected.shape
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-4)


def test_the_usual_recipe_runs_three_of_ours(shared: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    names = {"first": "fruit-2", "second": "meter-container-2025", "third": "mobile"}
    picture = made.pictures(shared)[0]
    graph, feed, fetches, expected = tf.Graph(), {}, {}, {}
    for prefix, name in names.items():
        model = made.original(name, shared, tmp_path)
        (tmp_path / prefix).mkdir()
        tensorflow.write(model, tmp_path / prefix)
        graph_def = tf.compat.v1.GraphDef()
        with tf.io.gfile.GFile(str(tmp_path / prefix / "model.pb"), "rb") as file:
            graph_def.ParseFromString(file.read())
        with graph.as_default():
            tf.import_graph_def(graph_def, name=prefix)
        feed[f"{prefix}/Placeholder:0"] = made.fed(model, picture)
        fetches[prefix] = f"{prefix}/loss:0"
        expected[prefix] = trunkline.load(model).predict(picture)["original"].probabilities
    with tf.compat.v1.Session(graph=graph) as session:
        found = session.run(fetches, feed)
    for prefix in names:
        np.testing.assert_allclose(found[prefix][0], expected[prefix], rtol=0, atol=1e-4)


def test_the_same_model_is_the_same_file(shared: Path, tmp_path: Path) -> None:
    contents = set()
    for turn in ("first", "second"):
        (tmp_path / turn).mkdir()
        tensorflow.write(made.original("meter-container-2025", shared, tmp_path), tmp_path / turn)
        contents.add((tmp_path / turn / "model.pb").read_bytes())
    assert len(contents) == 1


def test_a_model_of_a_set_has_nothing_to_write(shared: Path, tmp_path: Path) -> None:
    models = trunkline.load(shared / "models" / "fruit-2")
    with pytest.raises(UnsupportedExportError, match="read its export again"):
        tensorflow.write(models["fruit-2"], tmp_path)


def test_without_tensorflow_it_says_what_to_install(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = made.original("fruit-2", shared, tmp_path)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError, match=r"trunkline\[export\]"):
        tensorflow.write(model, tmp_path)


def test_importing_tensorflow_says_nothing() -> None:
    import subprocess

    code = "from trunkline.writers.tensorflow import tensorflow; tensorflow('This')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
