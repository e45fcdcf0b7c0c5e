# SPDX-License-Identifier: Apache-2.0
"""Queues between the engine and the sinks: whoever puts never waits, and what is lost is counted.

Every sink has a bounded queue and threads of its own. When the queue is full its oldest item goes,
for the newest says more about now. Sinks that keep all of a file: ``trunkline.streams.keeping``.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from trunkline.streams.bounded import BoundedQueue, Closed
from trunkline.streams.frames import NO_PIXELS, Sight

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


__all__ = ["DeliveryError", "QueuedSink", "without_pixels"]

T = TypeVar("T")

# How long a thread that was told to give up may take to do so.
_LAST_SECONDS = 2.0


class DeliveryError(Exception):
    """An item could not be delivered; the message is one sentence for people, without secrets."""


class QueuedSink(ABC, Generic[T]):
    """A sink with a bounded queue, and threads that deliver what is in it.

    A subclass says what of a sight is queued and how one item is delivered, and calls ``_start``
    at the end of its constructor.

    Args:
        name: What the sink is called in messages, without secrets.
        size: The most items that wait.
        threads: How many deliver at once.
    """

    def __init__(self, name: str, *, size: int, threads: int = 1) -> None:
        self.name = name
        self._queue: BoundedQueue[T] = BoundedQueue(size, _camera_of)
        self._problem = ""
        self._abandoned = threading.Event()
        self._working = threads
        self._leaving = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, name=f"sink {name}", daemon=True)
            for _ in range(threads)
        ]

    def __repr__(self) -> str:
        return f"<sink {self.name}, {self.dropped} dropped>"

    @property
    def dropped(self) -> int:
        """How many items were lost: the queue was full, or they could not be delivered."""
        return self._queue.dropped

    @property
    def dropped_by_camera(self) -> Mapping[str, int]:
        """The same, by the stream's name."""
        return self._queue.dropped_by_camera

    @property
    def delivered(self) -> int:
        """How many items were handed over, or are being handed over now."""
        return self._queue.delivered

    @property
    def problem(self) -> str:
        """What is wrong, as one sentence; empty when the last delivery went well."""
        return self._problem

    def put(self, sight: Sight) -> None:
        """Queue what this sink wants of a sight. Never waits and never raises."""
        for item in self._items(sight):
            self._queue.put(item)

    def close(self, seconds: float) -> None:
        """Deliver what waits, for so many seconds at most, then drop the rest and stop.

        Args:
            seconds: How long to go on delivering. Stopping can take two seconds more.
        """
        self._queue.close()
        if not self._join(seconds):
            self._abandoned.set()
            self._queue.clear()
            self._interrupt()
            self._join(_LAST_SECONDS)

    def _join(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        try:
            while True:
                self._attempt(self._queue.take())
        except Closed:
            pass
        with self._leaving:
            self._working -= 1
            last = not self._working
        if last:
            self._conclude()

    def _attempt(self, item: T | None) -> None:
        delivered = False
        try:
            if item is None:
                self._woken()
                return
            self._deliver(item)
        except Exception as error:  # a sink must outlive whatever a library raises
            self._problem = self._sentence(error)
            self._queue.lose(_camera_of(item))
        else:
            self._problem = ""
            delivered = True
        finally:
            if item is not None:
                self._queue.done(delivered=delivered)

    def _conclude(self) -> None:
        try:
            self._finish()
        except Exception as error:  # as above
            self._problem = self._sentence(error)

    def _sentence(self, error: Exception) -> str:
        # Of an unknown error only the kind: its text could quote a password.
        if isinstance(error, DeliveryError):
            return str(error)
        return f"The sink {self.name} failed with {type(error).__name__}."

    @abstractmethod
    def _items(self, sight: Sight) -> Iterable[T]:
        """Return what of a sight is queued."""

    @abstractmethod
    def _deliver(self, item: T) -> None:
        """Deliver one item; whatever is raised becomes the problem, and the item is lost."""

    def _woken(self) -> None:
        """Do what ``_queue.wake()`` was called for."""

    def _finish(self) -> None:
        """Let go of what is held, in the last thread that ends."""

    def _interrupt(self) -> None:
        """End deliveries that are under way; called from another thread."""


def _camera_of(item: object) -> str:
    """Return whose a sight or an event is."""
    return item.frame.stream if isinstance(item, Sight) else str(getattr(item, "stream", ""))


def without_pixels(sight: Sight) -> Sight:
    """Return a sight that does not keep its picture in memory while it waits."""
    return replace(sight, frame=replace(sight.frame, pixels=NO_PIXELS))
