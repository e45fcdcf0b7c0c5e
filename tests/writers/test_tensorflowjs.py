# SPDX-License-Identifier: Apache-2.0
"""TensorFlow.js: the library itself, in Node, answers as the original does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from openvino import opset13 as ops

import trunkline
from packages import from_npm
from trunkline.writers import tensorflowjs
from writers import made

VERSION = "4.22.0"
PACKAGES = ("tfjs-core", "tfjs-converter", "tfjs-backend-cpu")
SCRIPT = Path(__file__).with_name("graph_model.cjs")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which npm has put TensorFlow.js."""
    wanted = [f"@tensorflow/{name}@{VERSION}" for name in PACKAGES]
    return from_npm(tmp_path_factory.mktemp("tensorflowjs"), *wanted)


def run(packages: Path, model: Path, tensor: np.ndarray) -> np.ndarray:
    taken, given = packages / "taken.bin", packages / "given.bin"
    tensor.astype("<f4").tofile(taken)
    arguments = [str(part) for part in (SCRIPT, model, taken, given, *tensor.shape)]
    subprocess.run(["node", *arguments], cwd=packages, check=True, capture_output=True)
    return np.fromfile(given, "<f4")


@pytest.mark.parametrize("name", ["desk-pb", "meter-container-2025", "mobile"])
def test_a_classifier(name: str, shared: Path, tmp_path: Path, packages: Path) -> None:
    model = made.original(name, shared, tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    assert tensorflowjs.write(model, folder) == "model.json"
    picture = made.pictures(shared)[0]
    answer = run(packages, folder, made.fed(model, picture))
    expected = trunkline.load(model).predict(picture)["original"].probabilities
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-4)
    written = made.described(folder, model)
    assert written.format == "TensorFlow.js"
    assert made.same_network(model, written)
    assert made.share_everything(model, written)


def test_a_compact_detector(shared: Path, tmp_path: Path) -> None:
    model = made.original("compact", shared, tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    tensorflowjs.write(model, folder)
    assert made.same_network(model, made.described(folder, model))


def test_what_no_export_here_holds(tmp_path: Path, packages: Path) -> None:
    def build(x):
        x = ops.prelu(x, np.float32(0.1))
        x = ops.max_pool(x, [2, 2], [1, 1], [1, 1], [0, 1], [3, 3])
        first, last = ops.split(
            ops.concat([x.output(0), ops.relu(x.output(0)).output(0)], 1), 1, 2
        ).outputs()
        x = ops.group_convolution(
            ops.multiply(ops.elu(first, 1.0), ops.sigmoid(last)),
            np.random.default_rng(2).normal(0, 1, (3, 2, 1, 3, 3)).astype(np.float32),
            [1, 1], [1, 1], [1, 1], [1, 1],
        )  # fmt: skip
        x = ops.avg_pool(ops.tanh(x), [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True)
        return ops.softmax(ops.reshape(ops.hswish(x), np.array([1, 6, -1]), False), 2)

    model = made.model_of(build, (12, 10))
    tensorflowjs.write(model, tmp_path)
    tensor = np.random.default_rng(3).normal(0, 1, (1, 12, 10, 3)).astype(np.float32)
    expected = made.raw(model, tensor)
    answer = run(packages, tmp_path, tensor).reshape(expected.shape)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)


def test_it_is_laid_out_as_the_service_does(shared: Path, tmp_path: Path) -> None:
    tensorflowjs.write(made.original("meter-container-2025", shared, tmp_path), tmp_path)
    real = shared / "models" / "classifier-tfjs-graph-only" / "model.json"
    ours, theirs = (json.loads(p.read_text("utf-8")) for p in (tmp_path / "model.json", real))
    kinds = {node["op"] for node in theirs["modelTopology"]["node"]}
    assert {node["op"] for node in ours["modelTopology"]["node"]} - kinds <= {"Mean", "PadV2"}
    assert theirs.keys() <= ours.keys()
    assert [group["paths"] for group in ours["weightsManifest"]] == [["weights.bin"]]
    (picture,) = (n for n in ours["modelTopology"]["node"] if n["op"] == "Placeholder")
    assert picture in theirs["modelTopology"]["node"]
    constants = {n["name"] for n in ours["modelTopology"]["node"] if n["op"] == "Const"}
    assert constants == {entry["name"] for entry in ours["weightsManifest"][0]["weights"]}
