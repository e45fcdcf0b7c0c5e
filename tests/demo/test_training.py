# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.demo.pictures import ASPECTS, draw, random_scenes
from trunkline.demo.training import TRAINED_ON

if TYPE_CHECKING:
    from pathlib import Path

    import trunkline
    from trunkline.training.trained import TrainedModel


def test_they_are_ordinary_exports_on_one_trunk(
    trained: list[TrainedModel], models: trunkline.ModelSet, folder: Path
) -> None:
    assert [model.name for model in trained] == list(ASPECTS)
    assert set(models) == set(ASPECTS)
    for model in trained:
        assert set(model.labels) == set(ASPECTS[model.name])
        assert (folder / "models" / model.name / "model.onnx").is_file()
    assert len(models.plan.parts) == 1
    assert len(models.plan.inputs) == 1


def test_they_tell_other_pictures(trained: list[TrainedModel], models: trunkline.ModelSet) -> None:
    scenes = random_scenes(40, 987)
    for model in trained:
        assert model.evaluation.pictures == TRAINED_ON
        answers = [
            models.predict(draw(scene), models=[model.name])[model.name].label for scene in scenes
        ]
        right = sum(a == s.truth[model.name] for a, s in zip(answers, scenes, strict=True))
        assert right >= 36
