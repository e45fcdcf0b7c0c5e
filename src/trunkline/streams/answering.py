# SPDX-License-Identifier: Apache-2.0
"""One call of the model set for a frame and the models whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

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

__all__ = ["Answerer", "Failure", "Models", "Planned"]


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


class CostPlan(Protocol):
    """What knows whether a model costs anything beside others."""

    def comes_along(self, name: str, names: Collection[str]) -> bool:
        """Return whether its answer costs next to nothing where others are asked."""
        ...


@runtime_checkable
class Planned(Protocol):
    """Models of which it is known; ``trunkline.ModelSet`` is one."""

    @property
    def plan(self) -> CostPlan:
        """Who knows it."""
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
        self,
        pixels: NDArray[np.uint8],
        trackers: Sequence[Tracker],
        perhaps: Iterable[Tracker] = (),
    ) -> dict[str, Prediction | Failure]:
        """Return the answers of models by name, boxes in fractions of the whole frame.

        Where a model fails, the others answer all the same.

        Args:
            pixels: The frame, of shape (height, width, 3).
            trackers: The models.
            perhaps: Models that may be asked later. Of those that cost nothing now, because they
                share a trunk with one that is asked, the answers are returned as well.
        """
        answers: dict[str, Prediction | Failure] = {}
        later = _by_region(perhaps)
        for region, group in _by_region(trackers).items():
            part = region.cut(pixels) if region else pixels
            along = self._coming_along(later.get(region, ()), group)
            for tracker, answer in self._ask(part, group, along):
                answers[tracker.model] = _fitted(answer, tracker.rule, pixels.shape)
        return answers

    def _coming_along(
        self, perhaps: Sequence[Tracker], group: Sequence[Tracker]
    ) -> Sequence[Tracker]:
        if not perhaps or not isinstance(self._models, Planned):
            return ()
        plan, names = self._models.plan, [tracker.model for tracker in group]
        return [tracker for tracker in perhaps if plan.comes_along(tracker.model, names)]

    def _ask(
        self,
        part: NDArray[np.uint8],
        trackers: Sequence[Tracker],
        along: Sequence[Tracker] = (),
    ) -> Iterable[tuple[Tracker, Prediction | Failure]]:
        begun = self._clock()
        names = [tracker.model for tracker in trackers]
        try:
            found = self._models.predict(part, models=[*names, *(t.model for t in along)])
            answers = [(tracker, found[tracker.model]) for tracker in (*trackers, *along)]
        except Exception as error:  # a model's fault must not end the stream
            if along or len(trackers) > 1:  # whose fault it is shows when each is asked alone
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
