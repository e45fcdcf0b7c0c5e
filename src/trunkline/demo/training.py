# SPDX-License-Identifier: Apache-2.0
"""Trains the demonstration's models and writes them as anybody's exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.demo.pictures import ASPECTS, random_scenes, to_jpeg
from trunkline.training.featurestore import FeatureStore
from trunkline.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.training.trained import TrainedModel

__all__ = ["TRAINED_ON", "train_models"]

TRAINED_ON = 60
"""How many drawn pictures the models are trained on, all three on the same."""

_SEED = 1


def train_models(folder: Path, workspace: Path) -> list[TrainedModel]:
    """Train one classifier per aspect of the pictures, and write each into a folder of its own.

    Args:
        folder: Where the exports' folders are made; it must exist.
        workspace: Where the trunk's features are kept meanwhile, so that each picture is looked at
            once for all three.

    Raises:
        MissingExtraError: The package that the trunk comes with is not installed.
    """
    scenes = random_scenes(TRAINED_ON, _SEED)
    pictures = [to_jpeg(scene) for scene in scenes]
    trainer = Trainer(store=FeatureStore(workspace))
    models = []
    for aspect in ASPECTS:
        model = trainer.fit(pictures, [scene.truth[aspect] for scene in scenes], name=aspect)
        model.save(folder / aspect)
        models.append(model)
    return models
