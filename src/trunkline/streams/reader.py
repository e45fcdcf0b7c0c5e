# SPDX-License-Identifier: Apache-2.0
"""Sights on their way to whoever iterates over a watcher."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.streams.frames import Sight
    from trunkline.streams.lanes import Lane

__all__ = ["Reader"]

_MOST_SIGHTS = 8  # each keeps its frame's pixels


class Reader:
    """A short queue that nobody waits to put into.

    Files are held back while it is full. Of live cameras the newest sights are kept, and those
    that made room for them are counted as dropped for ``"reader"``.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # entered by itself, as the board's
        self._changed = threading.Condition(self._lock)
        self._waiting: deque[tuple[Lane, Sight]] = deque()
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether files should wait."""
        return len(self._waiting) >= _MOST_SIGHTS

    def put(self, lane: Lane, sight: Sight) -> None:
        """Add what came of a camera's frame."""
        with self._lock:
            if self.is_full and lane.source.live:
                self._make_room()
            self._waiting.append((lane, sight))
            self._changed.notify_all()

    def _make_room(self) -> None:
        for place, (lane, _) in enumerate(self._waiting):
            if lane.source.live:
                del self._waiting[place]
                lane.meter.dropped["reader"] += 1
                return

    def take(self, timeout: float) -> Sight | None:
        """Return the oldest sight; None where none came in ``timeout`` seconds, or none will."""
        with self._lock:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout)
            return self._waiting.popleft()[1] if self._waiting else None

    def close(self) -> None:
        """Let go of whoever waits for a sight."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
