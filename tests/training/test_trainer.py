# SPDX-License-Identifier: Apache-2.0
"""From pictures and tags to a model that runs beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import builders
import colours
import trainingsamples
import trunkline
from trunkline.errors import MissingExtraError, TrainingError, TrunklineError
from trunkline.training import trainer as module
from trunkline.training.trainer import Trainer, find_trunk

if TYPE_CHECKING:
    from pathlib import Path

EVERY = tuple(sorted(colours.CHANNELS))


@pytest.fixture(scope="module")
def trunk() -> trunkline.trunks.Trunk:
    return trainingsamples.trunk()


@pytest.fixture
def trainer(trunk: trunkline.trunks.Trunk) -> Trainer:
    return Trainer(trunk)


def check(model: trunkline.Model) -> None:
    """Check that it tells new pictures, alone in a set."""
    models = trunkline.ModelSet()
    models.add(model)
    for number, colour in enumerate(EVERY):
        answer = models.predict(colours.pixels(colour, 7000 + number))[model.name]
        assert (answer.label, answer.probability > 0.6) == (colour, True)


def test_a_folder_per_tag_makes_a_model(trainer: Trainer, tmp_path: Path) -> None:
    model = trainer.fit(colours.folder(tmp_path / "pictures"), name="third")
    assert (model.name, model.labels, model.task) == ("third", EVERY, "multiclass")
    assert model.contract == trainer.trunk.contract
    assert model.evaluation.accuracy.value == 1
    assert model.evaluation.pictures == 18
    assert model.training.pictures.problems == ()
    check(model)


def test_pictures_come_in_every_form(trainer: Trainer, tmp_path: Path) -> None:
    root = colours.folder(tmp_path / "pictures", 2)
    pictures: list[object] = sorted(root.rglob("*.png"))
    tags = [path.parent.name for path in pictures]  # type: ignore[attr-defined]
    for number, colour in enumerate(EVERY):
        array = colours.pixels(colour, 500 + number)
        pictures += [colours.encoded(colour, 600 + number), Image.fromarray(array), array[:, ::-1]]
        tags += [colour] * 3
    model = trainer.fit(pictures, tags)
    assert model.evaluation.pictures == 15
    check(model)


def test_several_tags_a_picture_make_a_multilabel_model(trainer: Trainer) -> None:
    kinds = [["red"], ["blue"], ["red", "blue"], []] * 5
    pictures = [colours.encoded(kind, seed) for seed, kind in enumerate(kinds)]
    model = trainer.fit(pictures, kinds)
    assert (model.task, model.labels) == ("multilabel", ("blue", "red"))
    models = trunkline.ModelSet()
    models.add(model)
    both = models.predict(colours.pixels(["red", "blue"], 999))["model"]
    neither = models.predict(colours.pixels([], 998))["model"]
    assert both.probabilities.min() > 0.5 > neither.probabilities.max()


def test_the_same_again_is_the_same_model(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    root = colours.folder(tmp_path / "pictures", 3)
    first = trainer.fit(root).save(tmp_path / "first.zip")
    again = Trainer(trainer.trunk, cores=1).fit(root).save(tmp_path / "again.zip")
    assert first.read_bytes() == again.read_bytes()


def test_known_pictures_are_not_looked_at_again(trainer: Trainer, tmp_path: Path) -> None:
    root = colours.folder(tmp_path / "pictures", 3)
    seen: list[tuple[int, int]] = []
    trainer.fit(root, progress=lambda *done: seen.append(done))
    assert seen == [(n, 9) for n in range(10)]
    (root / "red" / "new.png").write_bytes(colours.encoded("red", 4321))
    seen.clear()
    Trainer(trainer.trunk).fit(root, progress=lambda *done: seen.append(done))
    assert seen == [(9, 10), (10, 10)]


def test_a_damaged_picture_is_left_out(trainer: Trainer, tmp_path: Path) -> None:
    root = colours.folder(tmp_path / "pictures", 3)
    damaged = colours.encoded("red", 77)
    (root / "red" / "half.png").write_bytes(damaged[: len(damaged) // 2])
    (root / "red" / "empty.png").write_bytes(b"")
    model = trainer.fit(root)
    left_out = {problem.source for problem in model.training.pictures.problems}
    assert {name.rpartition("/")[2] for name in left_out} == {"half.png", "empty.png"}
    assert model.evaluation.pictures == 9


def test_what_cannot_be_trained_says_so(trainer: Trainer, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no such folder or file"):
        trainer.fit(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="only tag"):
        trainer.fit(colours.folder(tmp_path / "one", colours=["red"]))
    with pytest.raises(TrainingError, match="give one each"):
        trainer.fit([colours.encoded("red", 1)], ["red", "blue"])
    with pytest.raises(ValueError, match="task is 'detection'"):
        Trainer(trainer.trunk, task="detection")  # type: ignore[arg-type]


def test_a_tag_whose_pictures_are_all_damaged_is_not_forgotten(
    trainer: Trainer, tmp_path: Path
) -> None:
    root = colours.folder(tmp_path / "pictures", 2)
    for path in (root / "blue").iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(TrainingError, match="no picture of 'blue' can be used"):
        trainer.fit(root)


def test_without_the_extra_it_is_named(
    trunk: trunkline.trunks.Trunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"threadpoolctl.*trunkline\[train\]"):
        Trainer(trunk)


def test_a_trunk_is_found_by_its_name_or_its_model(tmp_path: Path) -> None:
    with pytest.raises(TrunklineError, match=r"no trunk named 'lite'.*efficientnet-lite0"):
        find_trunk("lite")
    builders.openvino_classifier(tmp_path / "colours")
    with pytest.raises(TrunklineError, match="does not end in one dense layer"):
        find_trunk(tmp_path / "colours")


def test_a_model_lends_its_trunk(trainer: Trainer, tmp_path: Path) -> None:
    first = trainer.fit(colours.folder(tmp_path / "pictures", 3), name="first")
    first.save(tmp_path / "models" / "first")
    second = Trainer(tmp_path / "models" / "first").fit(
        colours.folder(tmp_path / "others", 3, ["red", "blue"]), name="second"
    )
    second.save(tmp_path / "models" / "second")
    assert second.training.platform == first.training.platform == "ONNX"
    models = trunkline.load(tmp_path / "models")
    assert len(models.plan.parts) == 1
    answers = models.predict(colours.pixels("blue", 31337))
    assert (answers["first"].label, answers["second"].label) == ("blue", "blue")


def test_a_model_joins_a_running_set(trainer: Trainer, tmp_path: Path) -> None:
    root = colours.folder(tmp_path / "pictures", 3)
    models = trunkline.ModelSet()
    models.add(trainer.fit(root, name="first"))
    models.add(third=trainer.fit(root))
    assert list(models) == ["first", "third"]
    assert len(models.plan.parts) == 1
    assert type(models["third"]) is trunkline.Model  # without the pictures that it learnt from
    answers = models.predict(colours.pixels("green", 5))
    np.testing.assert_array_equal(answers["first"].probabilities, answers["third"].probabilities)
