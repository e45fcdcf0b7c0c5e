# SPDX-License-Identifier: Apache-2.0
"""One call of the model set for a frame and the models whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from trunkline.errors import ModelNameError
from trunkline.predictions import Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.predictions import Prediction
    from trunkline.streams.admission import Costs
    from trunkline.streams.regions import Region
    from trunkline.streams.rules import Rule
    from trunkline.streams.tracking import Tracker

__all__ = ["Answerer", "Failure", "Models"]


class Models(Protocol):
    """What a watcher needs of a model set; ``trunkline.ModelSet`` is one."""

    def __iter__(self) -> Iterator[str]:
        """Yield the loaded models' names."""
        ...

    def predict(
        self,
        picture: Any,  # noqa: ANN401 - a model set takes more than arrays
        *,
        models: Collection[str] | None = None,
    ) -> Mapping[str, Prediction]:
        """Answer for a frame, uint8 of shape (height, width, 3), RGB."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """In the place of an answer.

    Attributes:
        reason: ``"error"``, or ``"unloaded"`` where the model has gone meanwhile.
        problem: What was wrong.
    """

    reason: str
    problem: str


class Answerer:
    """Asks the model set, and measures how long it takes.

    Args:
        models: The model set.
        costs: Where the times are noted.
        clock: Seconds, only ever forward.
    """

    def __init__(self, models: Models, costs: Costs, clock: Callable[[], float]) -> None:
        self._models = models
        self._costs = costs
        self._clock = clock

    def answer(
        self, pixels: NDArray[np.uint8], trackers: Sequence[Tracker]
    ) -> dict[str, Prediction | Failure]:
        """Return the answers of models by name, boxes in fractions of the whole frame.

        Where a model fails, the others answer all the same.

        Args:
            pixels: The frame, of shape (height, width, 3).
            trackers: The models.
        """
        answers: dict[str, Prediction | Failure] = {}
        for region, group in _by_region(trackers).items():
            part = region.cut(pixels) if region else pixels
            for tracker, answer in self._ask(part, group):
                answers[tracker.model] = _fitted(answer, tracker.rule, pixels.shape)
        return answers

    def _ask(
        self, part: NDArray[np.uint8], trackers: Sequence[Tracker]
    ) -> Iterable[tuple[Tracker, Prediction | Failure]]:
        begun = self._clock()
        names = [tracker.model for tracker in trackers]
        try:
            found = self._models.predict(part, models=names)
            answers = [(tracker, found[tracker.model]) for tracker in trackers]
        except Exception as error:  # a model's fault must not end the stream
            if len(trackers) > 1:  # whose fault it is shows when each is asked alone
                return [pair for each in trackers for pair in self._ask(part, [each])]
            reason = "unloaded" if isinstance(error, ModelNameError) else "error"
            return [(trackers[0], Failure(reason, str(error) or type(error).__name__))]
        self._costs.note(names, self._clock() - begun)
        return answers


def _by_region(trackers: Iterable[Tracker]) -> dict[Region | None, list[Tracker]]:
    groups: dict[Region | None, list[Tracker]] = {}
    for tracker in trackers:
        groups.setdefault(tracker.rule.region, []).append(tracker)
    return groups


def _fitted(
    answer: Prediction | Failure, rule: Rule, shape: tuple[int, ...]
) -> Prediction | Failure:
    if not isinstance(answer, Detection):
        return answer
    if any(box.probability < rule.threshold for box in answer.boxes):
        kept = tuple(box for box in answer.boxes if box.probability >= rule.threshold)
        answer = replace(answer, boxes=kept)
    return rule.region.bring_back(answer, shape[0], shape[1]) if rule.region else answer
