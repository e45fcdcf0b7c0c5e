# SPDX-License-Identifier: Apache-2.0
"""One camera while it is watched: what waits, what is looked at, and what comes of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trunkline.streams.admission import admit
from trunkline.streams.figures import CameraFigures, Meter
from trunkline.streams.rules import rules_for
from trunkline.streams.tracking import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.streams.admission import Costs
    from trunkline.streams.frames import Exposure, Frame
    from trunkline.streams.rules import Camera, Rule

__all__ = ["Arrival", "Job", "Lane"]

_MOST_GONE = 256  # models whose counts are kept, in case they are loaded again
_MOST_WAITING = 2  # frames of a file; sources read ahead on their own


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A frame that waits to be looked at.

    Attributes:
        frame: The frame.
        came: When it came, on the watcher's clock.
        thumbnail: To tell whether it shows anything new; None where nobody asks.
        exposure: Where its picture comes from, if it has none yet.
    """

    frame: Frame
    came: float
    thumbnail: NDArray[np.float32] | None = None
    exposure: Exposure | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A frame that is looked at.

    Attributes:
        lane: Its camera's.
        ticket: Its place among the camera's jobs.
        arrival: The frame.
        trackers: All models that watch the camera, those that wait for others behind these.
        asked: Those that are asked about it.
        again: Those whose last answer is taken again.
    """

    lane: Lane
    ticket: int
    arrival: Arrival
    trackers: tuple[Tracker, ...]
    asked: tuple[Tracker, ...]
    again: frozenset[str]

    def developed(self) -> Job | None:
        """Return it with the frame's picture; None where that cannot be decoded."""
        if self.arrival.exposure is None:
            return self
        frame = self.arrival.exposure.develop()
        if frame is None:
            return None
        return replace(self, arrival=replace(self.arrival, frame=frame, exposure=None))


class Lane:
    """A camera and all that is kept of it from frame to frame.

    Frames are given out by the thread that holds the board's lock; their answers are taken in by
    one thread at a time, in the order of the frames.

    Args:
        camera: The camera.
        costs: What models take.
    """

    def __init__(self, camera: Camera, costs: Costs) -> None:
        self.camera = camera
        self.source = camera.source
        self.costs = costs
        self.waiting: deque[Arrival] = deque()
        self.in_flight = 0
        self.ended = False
        self.served = 0
        self.since = 0.0
        self.problem = ""
        self.priority = max((rule.priority for rule in camera.rules), default=0)
        self.meter = Meter()
        self._tickets = 0
        self._names: tuple[str, ...] | None = None
        self._trackers: dict[str, Tracker] = {}
        self._gone: dict[str, Tracker] = {}

    @property
    def is_full(self) -> bool:
        """Whether a file's next frame has to wait."""
        return len(self.waiting) >= _MOST_WAITING

    @property
    def is_idle(self) -> bool:
        """Whether all its frames are done with."""
        return not self.waiting and not self.in_flight

    def follow(self, names: Iterable[str]) -> None:
        """Take note of which models are loaded."""
        loaded = tuple(names)
        if loaded == self._names:
            return
        rules = rules_for(self.camera, loaded)
        before, self._names = self._trackers, loaded
        self._trackers = {
            rule.model: before.pop(rule.model) if rule.model in before else self._new(rule)
            for rule in rules
        }
        self._gone |= before
        for name in list(self._gone)[:-_MOST_GONE]:
            del self._gone[name]

    def _new(self, rule: Rule) -> Tracker:
        """Return what follows a model that was loaded; one that comes back keeps its counts."""
        tracker = self._gone.pop(rule.model, None)
        if tracker is None or tracker.rule != rule:
            return Tracker(rule)
        tracker.come_back()
        return tracker

    def add(self, arrival: Arrival, now: float) -> None:
        """Let a frame wait; of a live source only the newest does."""
        if not self.waiting:
            self.since = now
        if self.source.live:
            self.drop_waiting("late")
        self.waiting.append(arrival)

    def drop_waiting(self, reason: str) -> None:
        """Drop and count the frames that wait."""
        while self.waiting:
            frame = self.waiting.popleft().frame
            self.meter.dropped[reason] += 1
            for tracker in self._trackers.values():
                if not tracker.rule.when and tracker.is_due(frame):
                    tracker.drop(reason)

    def give_out(self, now: float) -> Job | None:
        """Return what is to be done with the next frame; None where it cannot be in time."""
        arrival = self.waiting.popleft()
        self.since = now
        trackers = tuple(self._trackers.values())
        due = [t for t in trackers if not t.rule.when and t.is_due(arrival.frame)]
        asked, again = self._divided(due, arrival)
        asked, left = self._admitted(asked, arrival, now)
        if left and not asked and not again:
            self.meter.dropped["deadline"] += 1
            return None
        self._look(asked, again, arrival, now)
        self._tickets += 1
        self.in_flight += 1
        names = frozenset(tracker.model for tracker in again)
        return Job(self, self._tickets - 1, arrival, trackers, tuple(asked), names)

    def divide(
        self, due: Sequence[Tracker], arrival: Arrival, now: float
    ) -> tuple[list[Tracker], frozenset[str]]:
        """Return which of some models are asked about a frame, and whose last answers stand."""
        asked, again = self._divided(due, arrival)
        asked, _ = self._admitted(asked, arrival, now)
        self._look(asked, again, arrival, now)
        return asked, frozenset(tracker.model for tracker in again)

    def _divided(
        self, due: Iterable[Tracker], arrival: Arrival
    ) -> tuple[list[Tracker], list[Tracker]]:
        asked: list[Tracker] = []
        again: list[Tracker] = []
        for tracker in due:
            still = tracker.is_still(arrival.thumbnail, self.camera.still)
            (again if still else asked).append(tracker)
        return asked, again

    def _admitted(
        self, asked: list[Tracker], arrival: Arrival, now: float
    ) -> tuple[list[Tracker], list[Tracker]]:
        if not self.source.live:
            return asked, []
        taken, left = admit(asked, self.costs, came=arrival.came, now=now)
        for tracker in left:
            tracker.drop("deadline")
        return taken, left

    def _look(
        self, asked: Iterable[Tracker], again: Iterable[Tracker], arrival: Arrival, now: float
    ) -> None:
        for tracker in asked:
            tracker.look(arrival.frame, arrival.thumbnail, now)
        for tracker in again:
            tracker.take(arrival.frame)

    def figures(self, now: float) -> CameraFigures:
        """Return what can be known of it."""
        status = self.source.status
        dropped = dict(self.meter.dropped)
        if status.dropped:
            dropped["source"] = status.dropped
        return CameraFigures(
            name=self.source.name,
            live=self.source.live,
            state="failed" if self.problem else status.state,
            problem=self.problem or status.problem,
            frames=self.meter.count,
            fps=self.meter.rate(now),
            latency=self.meter.latency(),
            dropped=dropped,
            models=tuple(tracker.figures(now) for tracker in tuple(self._trackers.values())),
        )
