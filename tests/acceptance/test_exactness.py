# SPDX-License-Identifier: Apache-2.0
"""All real exports as one set: each answers as it does alone; see test_sharing for the trunks."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

import trunkline
from trunkline.images import read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline import ModelSet
    from trunkline.engine.answers import Answers

PICTURES, MODELS = 194, 27
PACKED_TOLERANCE = 1e-6
# How many models are asked alone about each picture; the set is asked about all of them.
WITNESSES = 3


@pytest.fixture(scope="module")
def together(shared: Path) -> ModelSet:
    """All that have weights; three are topologies without."""
    return trunkline.load(shared / "models", on_error="skip")


@pytest.fixture(scope="module")
def pictures(shared: Path) -> list[np.ndarray]:
    files = sorted((shared / "pictures").rglob("*"))
    return [read_picture(path) for path in files if path.suffix in {".jpg", ".bmp"}]


@pytest.fixture(scope="module")
def answers(together: ModelSet, pictures: list[np.ndarray]) -> list[Answers]:
    return [together.predict(picture) for picture in pictures]


def spread(index: int, pictures: int) -> range:
    """Return the pictures of one model; together the models see each of them thrice."""
    step = -(-MODELS // WITNESSES)
    return range(index % step, pictures, step)


def test_all_models_and_pictures_are_there(together: ModelSet, pictures: list[np.ndarray]) -> None:
    assert len(together) == MODELS
    assert len(together.plan.parts) == 7
    assert len(pictures) == PICTURES
    asked = [each for index in range(MODELS) for each in spread(index, len(pictures))]
    assert np.bincount(asked).tolist() == [WITNESSES] * len(pictures)


@pytest.mark.parametrize("index", range(MODELS))
def test_a_model_answers_as_alone(
    shared: Path, pictures: list[np.ndarray], answers: list[Answers], index: int
) -> None:
    name = list(answers[0])[index]
    alone = trunkline.load(shared / "models" / name)
    for which in spread(index, len(pictures)):
        expected, found = alone.predict(pictures[which])[name], answers[which][name]
        assert found.labels == expected.labels
        np.testing.assert_allclose(
            found.probabilities, expected.probabilities, rtol=0, atol=PACKED_TOLERANCE
        )


def test_models_that_come_and_go_leave_the_others_answers_alone(
    shared: Path, pictures: list[np.ndarray], answers: list[Answers]
) -> None:
    names = sorted(answers[0])
    order = random.Random(5)
    models = trunkline.load(*(shared / "models" / name for name in order.sample(names, 9)))
    for index in range(0, len(pictures), len(pictures) // 5):
        models.remove(*order.sample(list(models), 4))
        missing = [name for name in names if name not in models]
        models.add(*(shared / "models" / name for name in order.sample(missing, 4)))
        for name, found in models.predict(pictures[index]).items():
            np.testing.assert_allclose(
                found.probabilities,
                answers[index][name].probabilities,
                rtol=0,
                atol=PACKED_TOLERANCE,
            )
