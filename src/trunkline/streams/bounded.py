# SPDX-License-Identifier: Apache-2.0
"""A queue that never keeps whoever puts, and counts what it loses."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["BoundedQueue", "Closed"]

T = TypeVar("T")


class Closed(Exception):  # noqa: N818 - a state, not an error
    """The queue is closed and empty."""


class BoundedQueue(Generic[T]):
    """A queue that drops its oldest item where it is full, and counts what was dropped.

    Args:
        size: The most items it holds, at least 1.
        camera_of: Whose an item is, for the counts.
    """

    def __init__(self, size: int, camera_of: Callable[[T], str] = lambda _: "") -> None:
        self._items: deque[T] = deque()
        self._size = size
        self._changed = threading.Condition()
        self._camera_of = camera_of
        self._woken = self._closed = False
        self._dropped: Counter[str] = Counter()
        self._taken = self._failed = 0

    @property
    def dropped(self) -> int:
        """How many items were lost."""
        return sum(self.dropped_by_camera.values())

    @property
    def dropped_by_camera(self) -> Mapping[str, int]:
        """The same, by whose they were."""
        with self._changed:
            return dict(self._dropped)

    @property
    def delivered(self) -> int:
        """How many items were taken, and not lost since."""
        with self._changed:
            return self._taken - self._failed

    def put(self, item: T) -> None:
        """Add an item, without waiting; a closed queue drops it."""
        with self._changed:
            if self._closed:
                self._drop(item)
                return
            if len(self._items) >= self._size:
                self._drop(self._items.popleft())
            self._items.append(item)
            self._changed.notify()

    def take(self) -> T | None:
        """Wait for the oldest item and return it; None where ``wake`` was called instead.

        Raises:
            Closed: The queue is closed, and every item has been taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed or self._woken)
            if self._items:
                self._taken += 1
                return self._items.popleft()
            if self._closed:
                raise Closed
            self._woken = False
            return None

    def wake(self) -> None:
        """Let the next ``take`` on an empty queue return None."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def close(self) -> None:
        """Take no more items; those in the queue can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop every item."""
        with self._changed:
            while self._items:
                self._drop(self._items.popleft())

    def lose(self, camera: str) -> None:
        """Count an item that was taken and could not be delivered."""
        with self._changed:
            self._failed += 1
            self._dropped[camera] += 1

    def _drop(self, item: T) -> None:
        self._dropped[self._camera_of(item)] += 1
