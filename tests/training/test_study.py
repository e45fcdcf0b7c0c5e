# SPDX-License-Identifier: Apache-2.0
"""What the pictures of a trained model tell about the next ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import colours
import trainingsamples
from trunkline.training.study import study
from trunkline.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path


def test_it_measures_more_pictures_and_chooses_the_next(tmp_path: Path) -> None:
    root = colours.folder(tmp_path / "pictures", 8)
    for number in range(15):
        mixed = ["red", "blue"] if number == 7 else ["red"]
        (root / f"{number}.png").write_bytes(colours.encoded(mixed, 900 + number))
    trainer = Trainer(trainingsamples.trunk())
    found = study(trainer, trainer.fit(root))
    assert found.learning.measure == "balanced accuracy"
    assert [point.pictures for point in found.learning.points][
        -1
    ] == 18  # of 24, a quarter held out
    assert len(found.suggestions) == 12
    assert found.suggestions[0].source.endswith("7.png")  # the one between two tags
    assert len({each.source for each in found.suggestions}) == 12


def test_without_untagged_pictures_none_are_suggested(tmp_path: Path) -> None:
    trainer = Trainer(trainingsamples.trunk())
    found = study(trainer, trainer.fit(colours.folder(tmp_path / "pictures", 2)))
    assert found.suggestions == ()
