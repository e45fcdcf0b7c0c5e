# SPDX-License-Identifier: Apache-2.0
"""Every real export answers as the framework that it was written for does, on the same tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import references
import trunkline
from trunkline.exports.reading import read_one
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

FROZEN = [
    "bananas", "bear-1-label", "bears", "desk-earlier-pb", "desk-pb", "fruit-2", "fruit-4",
    "fruit-7-no-mean", "hotdog-container", "landmarks-other-trunk", "landmarks-third-trunk",
    "lane-explicit-pad", "rock-paper-scissors", "sign-14", "soda-softmax",
]  # fmt: skip
LITE = ["apple-orange-container-2025", "fruit-7-tflite", "meter-container-2025"]
ONNX_7 = ["cat-dog-onnx-opset7", "desk-onnx-opset7"]
SAME_ITERATION = {
    "desk-earlier-onnx-opset1": "desk-earlier-pb",
    "desk-earlier-coreml": "desk-earlier-pb",
    "desk-onnx-opset7": "desk-pb",
}


def model_at(folder: Path) -> Model:
    model = read_one(folder, folder.name)
    assert isinstance(model, Model), model
    return model


def answers(model: Model, tensor: np.ndarray) -> np.ndarray:
    """Return what Trunkline answers for (1, H, W, 3) of 0 to 255, in the model's own order."""
    plan = trunkline.load(model).plan
    (taken,) = plan.inputs
    return plan.answer({taken: tensor})[model.name].probabilities


def tensors(model: Model) -> list[np.ndarray]:
    return references.pictures(3, (model.contract.height, model.contract.width), seed=7)


def _fed(model: Model, tensor: np.ndarray) -> np.ndarray:
    """Return what the file itself must be fed: in the set, the mean is part of the graph."""
    return tensor - np.array(model.contract.mean, np.float32)


def test_the_lists_above_name_every_real_export_of_their_format(shared: Path) -> None:
    frozen = sorted(p.parent.name for p in shared.glob("models/*/*.pb"))
    lite = sorted(p.parent.name for p in shared.glob("models/*/*.tflite"))
    assert (frozen, lite) == (sorted(FROZEN), sorted(LITE))


@pytest.mark.parametrize("name", FROZEN)
def test_a_frozen_graph_answers_as_tensorflow_does(shared: Path, name: str) -> None:
    model = model_at(shared / "models" / name)
    for tensor in tensors(model):
        (expected,) = references.tensorflow(
            shared / "models" / name / "model.pb", _fed(model, tensor), "loss:0"
        )
        np.testing.assert_allclose(answers(model, tensor), expected[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", LITE)
def test_a_tflite_file_answers_as_litert_does(shared: Path, name: str) -> None:
    model = model_at(shared / "models" / name)
    for tensor in tensors(model):
        (expected,) = references.litert(
            shared / "models" / name / "model.tflite", _fed(model, tensor)
        )
        np.testing.assert_allclose(answers(model, tensor), expected[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ONNX_7)
def test_an_onnx_file_of_opset_7_answers_as_onnx_runtime_does(shared: Path, name: str) -> None:
    model = model_at(shared / "models" / name)
    for tensor in tensors(model):
        channels_first = np.ascontiguousarray(tensor.transpose(0, 3, 1, 2))
        outputs = references.onnxruntime(shared / "models" / name / "model.onnx", channels_first)
        (by_label,) = next(o for o in outputs if isinstance(o, list))
        expected = [by_label[label] for label in model.labels]
        np.testing.assert_allclose(answers(model, tensor), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "twin"), SAME_ITERATION.items())
def test_exports_of_one_iteration_agree_across_formats(shared: Path, name: str, twin: str) -> None:
    model, frozen = model_at(shared / "models" / name), model_at(shared / "models" / twin)
    for tensor in tensors(frozen):
        np.testing.assert_allclose(
            answers(model, tensor), answers(frozen, tensor), rtol=0, atol=1e-5
        )
