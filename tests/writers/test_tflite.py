# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite: LiteRT answers as the original does, and the trunk is the original's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import references
import trunkline
from trunkline.writers import tflite
from writers import made

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.models import Model

# The bias of meter's first convolution holds zeros with a sign, which the converter takes away.
CLASSIFIERS = ["desk-pb", "fruit-7-no-mean", "meter-container-2025", "mobile"]


def litert_agrees(model: Model, path: Path, shared: Path, atol: float) -> None:
    models = trunkline.load(model)
    for picture in made.pictures(shared):
        (answer,) = references.litert(path, made.fed(model, picture))
        expected = models.predict(picture)["original"].probabilities
        np.testing.assert_allclose(answer[0], expected, rtol=0, atol=atol)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier(name: str, shared: Path, tmp_path: Path) -> None:
    model = made.original(name, shared, tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    assert tflite.write(model, folder) == "model.tflite"
    litert_agrees(model, folder / "model.tflite", shared, 1e-4)
    written = made.described(folder, model)
    assert written.format == "TensorFlow Lite"
    assert made.same_network(model, written)
    assert made.share_everything(model, written)


def test_a_compact_detector(shared: Path, tmp_path: Path) -> None:
    model = made.original("compact", shared, tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    tflite.write(model, folder)
    for size in ((416, 416), (64, 96)):
        (tensor,) = references.pictures(1, size)
        (answer,) = references.litert(folder / "model.tflite", tensor)
        np.testing.assert_allclose(answer, made.raw(model, tensor), rtol=0, atol=1e-4)
    written = made.described(folder, model)
    assert made.same_network(model, written)
    assert made.share_everything(model, written)


@pytest.mark.parametrize("name", ["desk-pb", "mobile"])
def test_half_the_bytes(name: str, shared: Path, tmp_path: Path) -> None:
    model = made.original(name, shared, tmp_path)
    sizes = []
    for half in (False, True):
        folder = tmp_path / str(half)
        folder.mkdir()
        tflite.write(model, folder, half=half)
        sizes.append((folder / "model.tflite").stat().st_size)
    litert_agrees(model, folder / "model.tflite", shared, 5e-3)
    if name == "desk-pb":
        assert sizes[1] < 0.55 * sizes[0]
    written, picture = made.described(folder, model), made.pictures(shared)[0]
    answers = trunkline.load(model, written).predict(picture)
    np.testing.assert_allclose(
        answers["written"].probabilities, answers["original"].probabilities, rtol=0, atol=5e-3
    )


def test_the_same_model_is_the_same_file(shared: Path, tmp_path: Path) -> None:
    contents = set()
    for turn in ("first", "second"):
        (tmp_path / turn).mkdir()
        tflite.write(made.original("fruit-2", shared, tmp_path), tmp_path / turn)
        contents.add((tmp_path / turn / "model.tflite").read_bytes())
    assert len(contents) == 1
