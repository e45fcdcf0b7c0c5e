# SPDX-License-Identifier: Apache-2.0
"""Which of a source's frames are wanted."""

from __future__ import annotations

import math

from trunkline.errors import TrunklineError

__all__ = ["Sampler"]

# Times since 1970 are exact to some 2e-7 seconds; a frame that comes this much of a period early
# is still the next period's.
_EARLY = 1e-3


class Sampler:
    """Picks every n-th frame, and of these at most so many a second.

    Args:
        every: 1 for all frames, 2 for every other, and so on, beginning with the first.
        fps: Frames a second at most, by the frames' own times; None for all. Time is cut into
            periods of 1/fps from the first frame on, and the first frame of each is picked, which
            keeps the rate exact over any time.

    Raises:
        TrunklineError: ``every`` is below 1, or ``fps`` is not above 0.
    """

    def __init__(self, every: int = 1, fps: float | None = None) -> None:
        if every < 1:
            raise TrunklineError(f"every is {every}; it must be 1 or more.")
        if fps is not None and not 0 < fps < math.inf:
            raise TrunklineError(f"fps is {fps}; it must be above 0.")
        self._every = every
        self._fps = fps
        self._first: float | None = None
        self._period = -1

    def wants(self, number: int, at: float) -> bool:
        """Whether the frame with this number and time in seconds is wanted."""
        if number % self._every:
            return False
        if self._fps is None:
            return True
        if self._first is None:
            self._first = at
        period = math.floor((at - self._first) * self._fps + _EARLY)
        # A clock that was set back would otherwise silence the source for as long.
        fresh = period > self._period or period < self._period - 1
        if fresh:
            self._period = period
        return fresh
