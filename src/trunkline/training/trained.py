# SPDX-License-Identifier: Apache-2.0
"""A model that was trained here."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trunkline.models import Model
from trunkline.writers.package import check_path, write_export

if TYPE_CHECKING:
    import os

    from trunkline.training.evaluation import Evaluation
    from trunkline.training.pictures import PictureSet
    from trunkline.training.selection import Head

__all__ = ["RECORD", "TrainedModel", "Training", "check_output"]

RECORD = "training.json"
"""The file in a saved model that tells how it was trained."""


@dataclass(frozen=True, eq=False)
class Training:
    """How a model was trained, and how well it did.

    Attributes:
        trunk: The trunk's name, or the path of the export it was taken from.
        platform: What the model is saved as by default; see ``trunkline.writers.targets``.
        flavor: The flavor within the platform.
        head: The head, and how it was chosen.
        seed: What the choice of folds began with.
        pictures: What it was trained on, and what was left out and why.
        evaluation: How well it told pictures that it was not trained on: every picture was held
            out once, in one of several folds.
    """

    trunk: str
    platform: str
    flavor: str | None
    head: Head
    seed: int
    pictures: PictureSet
    evaluation: Evaluation

    @property
    def recipe(self) -> str:
        """What made the head, for a person: a method and its strength."""
        return self.head.recipe

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; the same for the same training."""
        return {
            "trunk": self.trunk,
            "head": self.recipe,
            "seed": self.seed,
            "task": self.pictures.task,
            "pictures": len(self.pictures.pictures),
            "tags": self.pictures.counts(),
            "left_out": [
                {"source": problem.source, "problem": problem.what}
                for problem in self.pictures.problems
            ],
            "evaluation": self.evaluation.to_dict(),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedModel(Model):
    """A model that was trained here: one like any other, and how it came about.

    Attributes:
        training: How it was trained, and how well it did.
    """

    training: Training

    @property
    def evaluation(self) -> Evaluation:
        """How well it told pictures that it was not trained on."""
        return self.training.evaluation

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write it as an export, in the format of the trunk it was trained on.

        Args:
            path: A folder, or the name of a zip, which ends in .zip.
            overwrite: Whether to replace an export that is there already.

        Raises:
            ExportError: It cannot be written there.
            MissingExtraError: The package that writes the format is not installed.
        """
        training = self.training
        record = json.dumps(training.to_dict(), indent=2, ensure_ascii=False) + "\n"
        return write_export(
            self,
            Path(path),
            training.platform,
            training.flavor,
            name=self.name,
            overwrite=overwrite,
            beside={RECORD: record.encode()},
        )


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse a path that a model cannot be saved to, before it is trained.

    What was trained here may be replaced: training it again is how pictures are added.

    Args:
        path: A folder, or the name of a zip, which ends in .zip.
        overwrite: Whether any other export may be replaced as well.

    Raises:
        ExportError: Something else is there.
    """
    check_path(path, overwrite=overwrite or _was_trained_here(path))


def _was_trained_here(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return (path / RECORD).is_file()
    with zipfile.ZipFile(path) as archive:
        return RECORD in archive.namelist()
