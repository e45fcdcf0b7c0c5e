# SPDX-License-Identifier: Apache-2.0
"""A queue that never keeps whoever puts, and counts what it loses."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["BoundedQueue", "Closed"]

T = TypeVar("T")

_PATIENCE = 10.0  # seconds; even a large frame is encoded in less


class Closed(Exception):  # noqa: N818 - a state, not an error
    """The queue is closed and empty."""


class BoundedQueue(Generic[T]):
    """A queue that drops its oldest item where it is full, and counts what was dropped.

    Items that are to be kept are dropped only where the queue has stalled: it has held items for
    ``patience`` seconds, and none was delivered. Until then it may hold more than its size, which
    whoever puts them is to avoid by a look at ``is_full``.

    Args:
        size: The most items it holds, at least 1, but for those that are kept.
        camera_of: Whose an item is, for the counts.
        clock: Seconds, only ever forward.
        patience: Seconds without a delivery that are too long.
    """

    def __init__(
        self,
        size: int,
        camera_of: Callable[[T], str] = lambda _: "",
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = _PATIENCE,
    ) -> None:
        self._items: deque[tuple[T, bool]] = deque()
        self._size = size
        self._lock = threading.RLock()  # entered by itself, as the board's
        self._changed = threading.Condition(self._lock)
        self._camera_of = camera_of
        self._clock = clock
        self._patience = patience
        self._woken = self._closed = False
        self._dropped: Counter[str] = Counter()
        self._taken = self._failed = self._under_way = 0
        self._moved = clock()
        self._on_room: Callable[[], object] = lambda: None

    @property
    def dropped(self) -> int:
        """How many items were lost."""
        return sum(self.dropped_by_camera.values())

    @property
    def dropped_by_camera(self) -> Mapping[str, int]:
        """The same, by whose they were."""
        with self._lock:
            return dict(self._dropped)

    @property
    def delivered(self) -> int:
        """How many items were taken, and not lost since."""
        with self._lock:
            return self._taken - self._failed

    @property
    def is_full(self) -> bool:
        """Whether it is worth waiting for room; not where it has stalled."""
        return len(self._items) >= self._size and not self._has_stalled()

    def when_room(self, call: Callable[[], object]) -> None:
        """Have something called, in the taker's thread, whenever the queue is no longer full."""
        self._on_room = call

    def put(self, item: T, *, keep: bool = False) -> None:
        """Add an item, without waiting; a closed queue drops it.

        Args:
            item: The item.
            keep: Whether others are to make room for it, and none for others.
        """
        with self._lock:
            if self._closed:
                self._drop(item)
                return
            if not self._items and not self._under_way:
                self._moved = self._clock()
            self._items.append((item, keep))
            if len(self._items) > self._size:
                self._make_room()
            self._changed.notify_all()

    def _make_room(self) -> None:
        stalled = self._has_stalled()
        for place, (item, keep) in enumerate(self._items):
            if stalled or not keep:
                del self._items[place]
                self._drop(item)
                return

    def _has_stalled(self) -> bool:
        return self._clock() - self._moved > self._patience

    def take(self) -> T | None:
        """Wait for the oldest item and return it; None where ``wake`` was called instead.

        Raises:
            Closed: The queue is closed, and every item has been taken.
        """
        with self._lock:
            self._changed.wait_for(lambda: self._items or self._closed or self._woken)
            if not self._items:
                if self._closed:
                    raise Closed
                self._woken = False
                return None
            self._taken += 1
            self._under_way += 1
            item, _ = self._items.popleft()
            room = len(self._items) == self._size - 1
        if room:
            self._on_room()
        return item

    def done(self, *, delivered: bool) -> None:
        """Note that an item that was taken is done with.

        Args:
            delivered: Whether it went well; then the queue has not stalled.
        """
        with self._lock:
            self._under_way -= 1
            if delivered:
                self._moved = self._clock()
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until every item is done with; return whether there is nothing to wait for.

        Args:
            timeout: Seconds to wait at most.
        """
        with self._lock:
            return self._changed.wait_for(self._is_flushed, timeout)

    def _is_flushed(self) -> bool:
        return self._has_stalled() or not (self._items or self._under_way)

    def wake(self) -> None:
        """Let the next ``take`` on an empty queue return None."""
        with self._lock:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more items; those in the queue can still be taken."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop every item."""
        with self._lock:
            while self._items:
                self._drop(self._items.popleft()[0])

    def lose(self, camera: str) -> None:
        """Count an item that was taken and could not be delivered."""
        with self._lock:
            self._failed += 1
            self._dropped[camera] += 1

    def _drop(self, item: T) -> None:
        self._dropped[self._camera_of(item)] += 1
