# SPDX-License-Identifier: Apache-2.0
"""What a trained model's pictures tell about the next ones to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.training.curves import learning_curve
from trunkline.training.figures import Suggestion
from trunkline.training.inbox import next_to_tag
from trunkline.training.mistakes import most_probable
from trunkline.training.pictureset import truth_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trunkline.training.curves import LearningCurve, Predict
    from trunkline.training.trained import TrainedModel
    from trunkline.training.trainer import Trainer

__all__ = ["Study", "study"]

_SUGGESTED = 12


@dataclass(frozen=True, slots=True)
class Study:
    """What more could be done.

    Attributes:
        learning: What more pictures would bring.
        suggestions: The untagged pictures that are worth a tag, the most useful first.
    """

    learning: LearningCurve
    suggestions: tuple[Suggestion, ...]


def study(trainer: Trainer, model: TrainedModel) -> Study:
    """Measure what more pictures would bring, and choose untagged ones to tag next.

    The features of the model's own pictures are known from its training.

    Args:
        trainer: What trained the model.
        model: The model.
    """
    from trunkline.training.selection import fit_head

    pictures = model.training.pictures
    known = trainer.look(pictures.pictures)
    truth = truth_of(known.pictures, model.labels)

    def fit(features: NDArray[np.floating], targets: NDArray[np.bool_]) -> Predict:
        head = fit_head(features, targets, task=pictures.task, seed=model.training.seed)
        return lambda others: head.probabilities(others[:, 0])

    learning = learning_curve(
        fit, known.values, truth, task=pictures.task, seed=model.training.seed
    )
    return Study(learning, _suggestions(trainer, model, known.values[:, 0]))


def _suggestions(
    trainer: Trainer, model: TrainedModel, tagged: NDArray[np.float32]
) -> tuple[Suggestion, ...]:
    pictures = model.training.pictures
    untagged = trainer.look(pictures.untagged, plain=True)
    features = untagged.values[:, 0]
    probabilities = model.training.head.probabilities(features)
    chosen = next_to_tag(probabilities, features, _SUGGESTED, task=pictures.task, tagged=tagged)
    return tuple(
        Suggestion(untagged.pictures[row].source, most_probable(probabilities[row], model.labels))
        for row in chosen
    )
