# SPDX-License-Identifier: Apache-2.0
"""Where frames of all cameras wait, and workers come for the next."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trunkline.streams.admission import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trunkline.streams.lanes import Arrival, Job, Lane

__all__ = ["Board"]


class Board:
    """Gives out frames: one camera's in order, among cameras by priority and in turn.

    Args:
        lanes: The cameras.
        models: Their names' source, a model set.
        clock: Seconds, only ever forward.
        at_once: How many frames of one camera may be looked at side by side.
        hold: Whether files have to wait because nobody takes what came of them.
    """

    def __init__(
        self,
        lanes: tuple[Lane, ...],
        models: Iterable[str],
        clock: Callable[[], float],
        *,
        at_once: int,
        hold: Callable[[], bool],
    ) -> None:
        self._lanes = lanes
        self._models = models
        self._clock = clock
        self._at_once = at_once
        self._hold = hold
        # Entered by itself: in ``Condition.__enter__``, which is written in Python, Ctrl-C could
        # strike once the lock is taken, and nobody would give it back.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._services = 0
        self._closed = False

    def offer(self, lane: Lane, arrival: Arrival) -> None:
        """Let a frame wait; a file's has to wait for room first."""
        with self._lock:
            if not lane.source.live:
                self._changed.wait_for(lambda: self._closed or not lane.is_full)
            lane.follow(self._models)
            lane.add(arrival, self._clock())
            if self._closed:
                lane.drop_waiting("stopped")
            self._changed.notify_all()

    def follow(self) -> None:
        """Take note of which models are loaded, though no frame has come since."""
        with self._lock:
            for lane in self._lanes:
                lane.follow(self._models)

    def take(self, timeout: float) -> Job | None:
        """Return the next frame to look at; None where none came in about ``timeout`` seconds."""
        with self._lock:
            job = self._next()
            if job is None and not self._closed:
                self._changed.wait(timeout)
                job = self._next()
            return job

    def _next(self) -> Job | None:
        while not self._closed:
            now = self._clock()
            hold = self._hold()
            lane = choose((lane for lane in self._lanes if self._is_ready(lane, hold=hold)), now)
            if lane is None:
                return None
            self._services += 1
            lane.served = self._services
            job = lane.give_out(now)
            self._changed.notify_all()
            if job:
                return job
        return None

    def _is_ready(self, lane: Lane, *, hold: bool) -> bool:
        if not lane.waiting or lane.in_flight >= self._at_once:
            return False
        return lane.source.live or not hold

    def done(self, lane: Lane) -> None:
        """Note that one of a camera's frames is done with."""
        with self._lock:
            lane.in_flight -= 1
            self._changed.notify_all()

    def end(self, lane: Lane, problem: str = "") -> None:
        """Note that a camera gives no more frames.

        Args:
            lane: The camera.
            problem: Why, where it should have.
        """
        with self._lock:
            lane.ended = True
            lane.problem = problem
            self._changed.notify_all()

    def wake(self) -> None:
        """Let files go on, where they had to wait."""
        with self._lock:
            self._changed.notify_all()

    def close(self) -> None:
        """Give out nothing more; drop and count what waits."""
        with self._lock:
            self._closed = True
            for lane in self._lanes:
                lane.drop_waiting("stopped")
            self._changed.notify_all()

    def wait_until_ended(self, timeout: float) -> bool:
        """Wait until every frame of every camera is done with; return whether that is so."""
        with self._lock:
            return self._changed.wait_for(self._is_over, timeout)

    def _is_over(self) -> bool:
        return self._closed or all(lane.ended and lane.is_idle for lane in self._lanes)
