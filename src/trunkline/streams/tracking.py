# SPDX-License-Identifier: Apache-2.0
"""One model on one camera: its rate, its last answer, what it has seen come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.streams.figures import Meter, ModelFigures
from trunkline.streams.frames import Event
from trunkline.streams.smoothing import Smoother, seen_labels
from trunkline.streams.stillness import difference
from trunkline.streams.turns import Turns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Frame
    from trunkline.streams.rules import Rule

__all__ = ["Tracker"]


class Tracker:
    """Follows one model through one camera's frames.

    Args:
        rule: How the model watches the camera.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.model = rule.model
        self.priority = rule.priority
        self.deadline = rule.deadline
        self.answered = float("-inf")
        self.last: Prediction | None = None
        self._meter = Meter()
        self._problem = ""
        self._reason = "error"
        self._turns = Turns(rule.every, rule.seconds)
        self._smoother = Smoother(*(rule.smoothing or (1, 1)))
        self._thumbnail: NDArray[np.float32] | None = None

    def is_due(self, frame: Frame) -> bool:
        """Return whether it is the model's turn."""
        return self._turns.has(frame.number, frame.at)

    def is_still(self, thumbnail: NDArray[np.float32] | None, tolerance: float | None) -> bool:
        """Return whether a frame shows what the model has answered already."""
        if tolerance is None or thumbnail is None or self._thumbnail is None:
            return False
        return difference(thumbnail, self._thumbnail) < tolerance

    def take(self, frame: Frame) -> None:
        """Note that the model has its turn with a frame."""
        self._turns.take(frame.number, frame.at)

    def look(self, frame: Frame, thumbnail: NDArray[np.float32] | None, now: float) -> None:
        """Note that the model has its turn with a frame and is asked about it."""
        self.take(frame)
        self._thumbnail = thumbnail
        self.answered = now

    def drop(self, reason: str) -> None:
        """Count a frame that was the model's turn and that it does not see."""
        self._meter.dropped[reason] += 1

    @property
    def failure(self) -> tuple[str, str]:
        """Why it could not answer last, as for ``fail``."""
        return self._reason, self._problem

    def fail(self, reason: str, problem: str) -> None:
        """Count a frame that the model could not answer."""
        self.drop(reason)
        self._problem, self._reason = problem, reason
        self._thumbnail = None  # there is no answer that a still frame could take again
        self.last = None

    def come_back(self) -> None:
        """Forget the last answer: after it was unloaded, the model may be another one."""
        self._thumbnail = None
        self.last = None

    def see(self, answer: Prediction, frame: Frame, now: float) -> list[Event]:
        """Take in an answer, and return what has gone and come with it."""
        self.last = answer
        self._problem = ""
        self._meter.note(now)
        return self._events(seen_labels(answer, self.rule.threshold), frame)

    def see_nothing(self, frame: Frame) -> list[Event]:
        """Take in that the model has nothing to look for, and return what has gone with it."""
        return self._events({}, frame)

    def _events(self, seen: dict[str, float], frame: Frame) -> list[Event]:
        return [
            Event(
                frame.stream,
                self.model,
                label,
                state,
                frame.at,
                frame.number,
                seen.get(label, 0.0),
            )
            for label, state in self._smoother.step(seen)
        ]

    def figures(self, now: float) -> ModelFigures:
        """Return what can be known of it."""
        return ModelFigures(
            model=self.model,
            answers=self._meter.count,
            rate=self._meter.rate(now),
            dropped=dict(self._meter.dropped),
            problem=self._problem,
            answer=self.last,
            present=self._smoother.present,
        )
