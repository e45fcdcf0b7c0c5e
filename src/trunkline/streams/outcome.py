# SPDX-License-Identifier: Apache-2.0
"""What comes of one frame: answers, and labels that have come and gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.streams.answering import Failure
from trunkline.streams.frames import Sight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Event
    from trunkline.streams.lanes import Job
    from trunkline.streams.tracking import Tracker

__all__ = ["Outcome"]


class Outcome:
    """What comes of one frame: answers, and what has come and gone with them.

    Args:
        job: The frame.
        now: When its answers are taken in.
    """

    def __init__(self, job: Job, now: float) -> None:
        self._job = job
        self._now = now
        self._answers: dict[str, Prediction] = {}
        self._events: list[Event] = []
        self._last = {tracker.model: tracker for tracker in job.trackers}

    def take_in(
        self,
        trackers: Iterable[Tracker],
        answers: Mapping[str, Prediction | Failure],
        again: frozenset[str],
    ) -> None:
        """Take in some models' answers, new ones or their last ones again."""
        for tracker in trackers:
            found: Prediction | Failure | None = answers.get(tracker.model)
            if tracker.model in again:
                # The frame before may have looked like this one, and failed since it was decided.
                found = tracker.last or Failure(*tracker.failure)
            if isinstance(found, Failure):
                tracker.fail(found.reason, found.problem)
            elif found is not None:
                self._answers[tracker.model] = found
                frame = self._job.arrival.frame
                self._events += tracker.see(found, frame, self._now)

    def waves(self) -> Iterator[list[Tracker]]:
        """Yield the models that wait for others and whose condition holds, wave by wave.

        Those in one wave wait only for models before it, whose answers must have been taken in
        when the next wave is asked for.
        """
        left = [t for t in self._job.trackers if t.rule.when]
        while left:
            names = {tracker.model for tracker in left}
            wave = [t for t in left if t.rule.when and t.rule.when.model not in names]
            left = [t for t in left if t not in wave]
            holding = [tracker for tracker in wave if self._may_look(tracker)]
            if holding:
                yield holding

    def _may_look(self, tracker: Tracker) -> bool:
        frame, condition = self._job.arrival.frame, tracker.rule.when
        if condition is None or not tracker.is_due(frame):
            return False
        other = self._last.get(condition.model)
        if condition.holds(other.last if other else None):
            return True
        self._events += tracker.see_nothing(frame)
        return False

    def sight(self, latency: float) -> Sight:
        """Return what is passed on."""
        return Sight(self._job.arrival.frame, self._answers, tuple(self._events), latency)
