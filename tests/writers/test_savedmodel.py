# SPDX-License-Identifier: Apache-2.0
"""SavedModels: TensorFlow's signature answers as the original does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import references
import trunkline
from trunkline.writers import savedmodel
from writers import made

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["desk-pb", "meter-container-2025", "mobile"])
def test_a_classifier(name: str, shared: Path, tmp_path: Path) -> None:
    model = made.original(name, shared, tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    assert savedmodel.write(model, folder) == "saved_model.pb"
    picture = made.pictures(shared)[0]
    answers = references.savedmodel(folder, made.fed(model, picture))
    assert sorted(answers) == ["loss", "model_outputs"]
    expected = trunkline.load(model).predict(picture)["original"].probabilities
    for answer in answers.values():
        np.testing.assert_allclose(answer[0], expected, rtol=0, atol=1e-4)
    written = made.described(folder, model)
    assert written.format == "TensorFlow SavedModel"
    assert made.same_network(model, written)
    assert made.share_everything(model, written)


def test_a_compact_detector(shared: Path, tmp_path: Path) -> None:
    model = made.original("compact", shared, tmp_path)
    folder = tmp_path / "written"
    folder.mkdir()
    savedmodel.write(model, folder)
    (tensor,) = references.pictures(1, (64, 96))
    answers = references.savedmodel(folder, tensor)
    assert sorted(answers) == ["model_outputs"]
    np.testing.assert_allclose(answers["model_outputs"], made.raw(model, tensor), rtol=0, atol=1e-4)
    assert made.same_network(model, made.described(folder, model))


def test_the_same_model_is_the_same_file(shared: Path, tmp_path: Path) -> None:
    contents = set()
    for turn in ("first", "second"):
        (tmp_path / turn).mkdir()
        savedmodel.write(made.original("fruit-2", shared, tmp_path), tmp_path / turn)
        contents.add((tmp_path / turn / "saved_model.pb").read_bytes())
    assert len(contents) == 1
