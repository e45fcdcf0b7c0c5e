# SPDX-License-Identifier: Apache-2.0
"""A trained model on disk: an export like any other, with a record of its training."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

import colours
import trainingsamples
import trunkline
from trunkline.errors import ExportError
from trunkline.training.trained import RECORD, TrainedModel, check_output
from trunkline.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = colours.folder(tmp_path_factory.mktemp("pictures"), 4)
        return Trainer(trainingsamples.trunk()).fit(folder, name="third")


@pytest.mark.parametrize("place", ["folder", "packed.zip"])
def test_it_is_read_back_as_it_was(trained: TrainedModel, tmp_path: Path, place: str) -> None:
    path = trained.save(tmp_path / place)
    models = trunkline.load(path)
    (name,) = models
    assert name == "third"
    assert models[name].contract.preset == trained.contract.preset
    here = trunkline.ModelSet()
    here.add(trained)
    picture = colours.pixels("red", 12)
    np.testing.assert_allclose(
        models.predict(picture)[name].probabilities,
        here.predict(picture)["third"].probabilities,
        atol=1e-6,
    )


def test_the_record_tells_how_it_came_about(trained: TrainedModel, tmp_path: Path) -> None:
    record = json.loads((trained.save(tmp_path / "made") / RECORD).read_text("utf-8"))
    assert record["trunk"] == "tiny"
    assert record["tags"] == {"blue": 4, "green": 4, "red": 4}
    assert record["head"] == trained.training.recipe
    assert record["evaluation"]["pictures"] == 12
    assert record["left_out"] == []


@pytest.mark.parametrize("place", ["folder", "packed.zip"])
def test_what_was_trained_here_may_be_trained_again(
    trained: TrainedModel, tmp_path: Path, place: str
) -> None:
    path = tmp_path / place
    check_output(path, overwrite=False)
    trained.save(path)
    check_output(path, overwrite=False)
    trained.save(path, overwrite=True)
    with pytest.raises(ExportError, match="it is there already"):
        trained.save(path)


def test_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("mine.txt", "mine")
    for path in (tmp_path / "folder", tmp_path / "mine.zip"):
        with pytest.raises(ExportError, match="it is there already"):
            check_output(path, overwrite=False)
    with pytest.raises(ExportError, match="so no export"):
        check_output(tmp_path / "folder", overwrite=True)
