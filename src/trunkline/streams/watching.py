# SPDX-License-Identifier: Apache-2.0
"""Cameras in, all models' answers out.

Each camera has a thread that takes its frames as they come. As many workers as there are cores
take frames from the board, run the models on them, and pass on what came of them, camera by
camera in order, to the sinks and to whoever iterates. All cameras share one model set.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trunkline.engine.cores import available_cores
from trunkline.streams.admission import Costs
from trunkline.streams.answering import Answerer
from trunkline.streams.board import Board
from trunkline.streams.closing import close_all, join_all
from trunkline.streams.feeding import Clock, Feeder
from trunkline.streams.figures import Figures
from trunkline.streams.lanes import Lane
from trunkline.streams.passing import Passing
from trunkline.streams.turnstile import Turnstile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

    from trunkline.predictions import Prediction
    from trunkline.streams.answering import Failure, Models
    from trunkline.streams.ends import SightSink
    from trunkline.streams.frames import Sight
    from trunkline.streams.lanes import Job
    from trunkline.streams.reader import Reader
    from trunkline.streams.rules import Camera

    Done = tuple[Job, dict[str, Prediction | Failure] | None]
    """A frame and its answers; None where it had no picture."""

__all__ = ["Clock", "Watcher"]

_TICK = 0.2  # seconds between looks at whether to stop
_FLUSH = 5.0  # seconds that sinks get for what they still hold
_JOIN = 30.0  # seconds; a network may take long for its last frame


class Watcher:
    """Lets models watch cameras until these end, or for days.

    Run it with ``run``, or iterate over it for the sights. It owns its sources and sinks, and
    closes them. A model, source or sink that fails does not stop the others.

    Args:
        models: The model set, best loaded with ``optimise="throughput"``.
        cameras: Sources, each with its rules.
        sinks: Where sights go as well.
        threads: How many frames to look at side by side; by default one per core.
        clock: What tells the time, for tests.

    Raises:
        ValueError: There is no camera, or two have the same name.
    """

    def __init__(
        self,
        models: Models,
        cameras: Iterable[Camera],
        *,
        sinks: Iterable[SightSink] = (),
        threads: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        costs = Costs()
        self._lanes = tuple(Lane(camera, costs) for camera in cameras)
        _check_names([lane.source.name for lane in self._lanes])
        clock = clock or Clock()
        self._clock = clock.steady
        self._answerer = Answerer(models, costs, clock.steady)
        self._passing = Passing(self._answerer, sinks, clock.steady)
        workers = threads or available_cores()
        self._board = Board(
            self._lanes, models, clock.steady, at_once=workers, hold=lambda: self._passing.is_held
        )
        self._passing.when_room(self._board.wake)
        self._turnstiles = {id(lane): Turnstile(self._pass_on) for lane in self._lanes}
        self._stopping = False
        self._closing = threading.Lock()
        self._closed = False
        self._fault: Exception | None = None
        feeder = Feeder(self._board, clock, lambda: self._stopping)
        self._threads = [
            *(self._thread("camera", feeder.feed, lane) for lane in self._lanes),
            *(self._thread("watch", self._work) for _ in range(workers)),
        ]
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start to watch, unless it has started already."""
        if self._started:
            return
        self._started = True
        for thread in self._threads:
            thread.start()

    def run(self) -> None:
        """Watch until every source has ended or ``stop`` is called, and close.

        Raises:
            Exception: A fault in Trunkline itself ended it.
        """
        try:
            self.start()
            while not self._stopping:
                # What sinks hold of a film takes as long as it takes.
                if self._board.wait_until_ended(_TICK) and self._passing.flush(_TICK):
                    break
        finally:
            self.close()
        if self._fault:
            raise self._fault

    def __iter__(self) -> Iterator[Sight]:
        """Yield sights as they come, and close when all sources have ended or the loop is left.

        Raises:
            Exception: A fault in Trunkline itself ended it.
        """
        reader = self._passing.read()
        try:
            self.start()
            yield from self._sights(reader)
        finally:
            self.close()
        if self._fault:
            raise self._fault

    def _sights(self, reader: Reader) -> Iterator[Sight]:
        while not self._stopping:
            # Asked first: a sight that comes between the two is taken in the next round.
            over = self._board.wait_until_ended(0)
            sight = reader.take(0 if over else _TICK)
            if sight:
                self._board.wake()
                yield sight
            elif over and self._passing.flush(_TICK):
                return

    def figures(self) -> Figures:
        """Return what can be known of all cameras, models and sinks now."""
        now = self._clock()
        self._board.follow()
        return Figures(tuple(lane.figures(now) for lane in self._lanes), self._passing.figures())

    def stop(self) -> None:
        """Ask for the end, from any thread or the handler of a signal, and do not wait for it."""
        self._stopping = True  # takes no lock: the handler's own thread may hold it

    def close(self, seconds: float = _FLUSH) -> None:
        """Stop watching; frames that are looked at now are still passed on.

        Args:
            seconds: How long each sink may take for what it still holds.
        """
        self._stopping = True
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._board.close()
            close_all((lane.source.close for lane in self._lanes), _JOIN)
            if self._started:
                join_all(self._threads, _JOIN)
            self._passing.close(seconds)

    def _thread(self, name: str, target: Callable[..., None], *arguments: Lane) -> threading.Thread:
        return threading.Thread(
            target=self._guarded, args=(target, *arguments), name=f"trunkline-{name}", daemon=True
        )

    def _guarded(self, target: Callable[..., None], *arguments: Lane) -> None:
        try:
            target(*arguments)
        except Exception as error:  # raised again where the watcher is run
            self._fault = error
            self._stopping = True
            self._board.close()

    def _work(self) -> None:
        """Look at frames, until there are no more."""
        while not self._stopping:
            job = self._board.take(_TICK)
            if job:
                done = self._look(job)
                self._turnstiles[id(job.lane)].pass_through(job.ticket, done)

    def _look(self, job: Job) -> Done:
        developed = job.developed()
        if developed is None:
            return job, None
        waiting = [tracker for tracker in job.trackers if tracker.rule.when]
        pixels = developed.arrival.frame.pixels
        return developed, self._answerer.answer(pixels, job.asked, waiting)

    def _pass_on(self, done: Done) -> None:
        job, answers = done
        try:
            if answers is not None:
                self._passing.pass_on(job, answers)
        finally:
            self._board.done(job.lane)


def _check_names(names: list[str]) -> None:
    if not names:
        raise ValueError("there is no camera to watch")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two cameras are called {twice}; give one another name")
