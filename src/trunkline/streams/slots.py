# SPDX-License-Identifier: Apache-2.0
"""Where frames wait between the thread that reads them and the one that takes them."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["EndOfStream", "FrameSlot"]

T = TypeVar("T")


class EndOfStream(Exception):  # noqa: N818 - an end is no error
    """A file or folder has given its last frame, or a source has failed for good."""


class FrameSlot(Generic[T]):
    """Holds the newest frame of a live source, or the next few of a file.

    Args:
        newest: Whether a new frame takes the place of one that waits. If not, who puts one waits
            until there is room.
        size: How many frames wait at most where all are kept.
    """

    def __init__(self, *, newest: bool, size: int = 4) -> None:
        self._lock = threading.RLock()  # entered by itself, as the board's
        self._changed = threading.Condition(self._lock)
        self._waiting: deque[T] = deque()
        self._newest = newest
        self._size = size
        self._ended = False
        self._closed = False
        self._dropped = 0

    @property
    def newest(self) -> bool:
        """Whether late frames are dropped."""
        return self._newest

    @property
    def dropped(self) -> int:
        """How many frames were replaced, left when it was closed, or of no use."""
        return self._dropped

    def keep_all(self) -> None:
        """Drop no frame from now on."""
        with self._lock:
            self._newest = False

    def put(self, item: T) -> bool:
        """Add a frame, waiting for room where all are kept; False when the slot is closed."""
        with self._lock:
            if self._newest:
                self._dropped += len(self._waiting)
                self._waiting.clear()
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._size)
            if self._closed:
                self._dropped += 1
                return False
            self._waiting.append(item)
            self._changed.notify_all()
            return True

    def take(self, timeout: float) -> T | None:
        """Return the next frame, or None when none came in ``timeout`` seconds.

        Raises:
            EndOfStream: All frames were taken and no more will come.
        """
        with self._lock:
            self._changed.wait_for(lambda: self._waiting or self._ended, timeout)
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._ended:
                raise EndOfStream
            return None

    def lose(self) -> None:
        """Count a frame that came and cannot be given to anyone."""
        with self._lock:
            self._dropped += 1

    def end(self) -> None:
        """Say that no more frames come; those that wait can still be taken."""
        with self._lock:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Drop what waits, and let go of whoever waits for room or for a frame."""
        with self._lock:
            self._dropped += len(self._waiting)
            self._waiting.clear()
            self._closed = self._ended = True
            self._changed.notify_all()
