# SPDX-License-Identifier: Apache-2.0
"""From a frame's answers to all who want them."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from trunkline.streams.closing import close_all
from trunkline.streams.ends import CountsByCamera, HoldsFiles
from trunkline.streams.figures import SinkFigures
from trunkline.streams.outcome import Outcome
from trunkline.streams.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trunkline.predictions import Prediction
    from trunkline.streams.answering import Answerer, Failure
    from trunkline.streams.ends import SightSink
    from trunkline.streams.frames import Sight
    from trunkline.streams.lanes import Job

__all__ = ["Passing"]

_LAST_SECONDS = 10.0  # beyond what sinks are given, for those that hang


class Passing:
    """Takes in what came of a frame, asks the models that waited for it, and passes all on.

    Args:
        answerer: Who asks the models.
        sinks: Where sights go; it closes them.
        clock: Seconds, only ever forward.
    """

    def __init__(
        self, answerer: Answerer, sinks: Iterable[SightSink], clock: Callable[[], float]
    ) -> None:
        self.reader: Reader | None = None
        self._answerer = answerer
        self._sinks = tuple(sinks)
        self._holding = tuple(sink for sink in self._sinks if isinstance(sink, HoldsFiles))
        self._faults: tuple[Counter[str], ...] = tuple(Counter() for _ in self._sinks)
        self._clock = clock

    @property
    def is_held(self) -> bool:
        """Whether files have to wait because whoever iterates, or a sink, takes his time."""
        if self.reader is not None and self.reader.is_full:
            return True
        return any(sink.is_full for sink in self._holding)

    def when_room(self, call: Callable[[], object]) -> None:
        """Have something called whenever a sink no longer holds files."""
        for sink in self._holding:
            sink.when_room(call)

    def flush(self, timeout: float) -> bool:
        """Wait for sinks that files wait for; return whether there is nothing more to wait for.

        Args:
            timeout: Seconds for each.
        """
        return all(sink.flush(timeout) for sink in self._holding)

    def read(self) -> Reader:
        """Return where sights wait for whoever iterates, from now on."""
        self.reader = self.reader or Reader()
        return self.reader

    def pass_on(self, job: Job, answers: Mapping[str, Prediction | Failure]) -> None:
        """Pass on what came of a frame, called for one frame of a camera after the other.

        Args:
            job: The frame.
            answers: Of the models that wait for no other.
        """
        sight = self._sight(job, answers)
        for sink, faults in zip(self._sinks, self._faults, strict=True):
            try:
                if isinstance(sink, HoldsFiles) and not job.lane.source.live:
                    sink.keep(sight)
                else:
                    sink.put(sight)
            except Exception:  # a sink's fault must not end the others
                faults[sight.frame.stream] += 1
        if self.reader:
            self.reader.put(job.lane, sight)

    def _sight(self, job: Job, answers: Mapping[str, Prediction | Failure]) -> Sight:
        arrival, now = job.arrival, self._clock()
        outcome = Outcome(job, now)
        outcome.take_in((t for t in job.trackers if not t.rule.when), answers, job.again)
        for wave in outcome.waves():
            asked, again = job.lane.divide(wave, arrival, self._clock())
            new = [tracker for tracker in asked if tracker.model not in answers]
            found = {t.model: answers[t.model] for t in asked if t not in new}
            found |= self._answerer.answer(arrival.frame.pixels, new)
            outcome.take_in(wave, found, again)
        done = self._clock()
        job.lane.meter.note(done, done - arrival.came)
        return outcome.sight(done - arrival.came)

    def figures(self) -> tuple[SinkFigures, ...]:
        """Return what can be known of the sinks."""
        return tuple(map(_figures, self._sinks, self._faults))

    def close(self, seconds: float) -> None:
        """Let go of whoever iterates, and close all sinks side by side.

        Args:
            seconds: How long each may take for what it still holds.
        """
        if self.reader:
            self.reader.close()
        closers = [partial(sink.close, seconds) for sink in self._sinks]
        close_all(closers, seconds + _LAST_SECONDS)


def _figures(sink: SightSink, faults: Counter[str]) -> SinkFigures:
    by_camera = faults.copy()
    if isinstance(sink, CountsByCamera):
        by_camera.update(sink.dropped_by_camera)
    return SinkFigures(sink.dropped + faults.total(), sink.problem, dict(by_camera))
