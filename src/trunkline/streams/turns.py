# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is: models that look at every n-th frame, or every s seconds."""

from __future__ import annotations

__all__ = ["Turns"]

_ROUNDING = 1e-6  # seconds: times of frames are sums of fractions


class Turns:
    """Keeps the rate of one model on one camera.

    Args:
        every: Every n-th frame, by the frames' numbers; a frame that was dropped counts too.
        seconds: And at most once in so many seconds, by the frames' times; None for no limit.
    """

    def __init__(self, every: int = 1, seconds: float | None = None) -> None:
        self._every = every
        self._seconds = seconds
        self._last: int | None = None
        self._due = float("-inf")

    def has(self, number: int, at: float) -> bool:
        """Return whether it is the model's turn with a frame."""
        if self._last is not None and 0 <= number - self._last < self._every:
            return False
        if self._seconds is None:
            return True
        # A clock that was put back must not silence the model until it has caught up.
        return at >= self._due - _ROUNDING or at < self._due - self._seconds - _ROUNDING

    def take(self, number: int, at: float) -> None:
        """Note that the model looks at a frame."""
        self._last = number
        if self._seconds is not None:
            # From when it was due, not from when it came, or every frame's lateness would add up.
            late = at - self._due
            on_time = -_ROUNDING <= late < self._seconds
            self._due = (self._due if on_time else at) + self._seconds
