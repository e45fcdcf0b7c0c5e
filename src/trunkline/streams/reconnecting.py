# SPDX-License-Identifier: Apache-2.0
"""Holding on to a live source: growing pauses, and a watchdog for one that only seems alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.streams.outlet import Outlet

__all__ = ["LostError", "Pauses", "Watchdog", "keep_connected"]


class LostError(Exception):
    """A source cannot be opened, or no longer be read.

    Args:
        problem: A clause without a full stop, and without any password.
    """


class Pauses:
    """Pauses that double from 1 second to the longest, and begin again once all is well."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._next = 1.0

    def next(self) -> float:
        """Return the next pause, in seconds."""
        pause = min(self._next, self._longest)
        self._next = 2 * pause
        return pause

    def reset(self) -> None:
        """Begin again with 1 second."""
        self._next = 1.0


class Watchdog:
    """Notices a source that sends something, but no pictures.

    Args:
        patience: Seconds without a picture that are too long.
        clock: Monotonic seconds.
    """

    def __init__(self, patience: float, clock: Callable[[], float]) -> None:
        self._patience = patience
        self._clock = clock
        self._fed = clock()

    def feed(self) -> None:
        """Note a picture."""
        self._fed = self._clock()

    def check(self) -> None:
        """Raise LostError when the last picture is too long ago."""
        if self._clock() - self._fed > self._patience:
            raise LostError(f"no whole picture has come for {self._patience:g} seconds")


def keep_connected(
    connect: Callable[[Callable[[], None]], None],
    outlet: Outlet,
    *,
    longest_pause: float,
    sleep: Callable[[float], object],
) -> None:
    """Open a source again and again, until it ends by itself or nobody wants it any more.

    Args:
        connect: Opens and reads the source. It calls what it is given at each picture, returns
            when the source has ended for good, and raises when it was lost.
        outlet: Where its frames go.
        longest_pause: In seconds.
        sleep: Called with each pause.

    Raises:
        TrunklineError: ``connect`` raised it.
    """
    pauses = Pauses(longest_pause)
    while not outlet.stopped():
        try:
            connect(pauses.reset)
        except TrunklineError:
            raise  # it says itself that there is nothing to wait for
        # Whatever a camera sends, it must not end the watch.
        except Exception as error:
            pause = pauses.next()
            outlet.journal.lost(f"{_reason(error)}. Trying again in {pause:g} s.")
        else:
            return
        sleep(pause)
        if not outlet.stopped():
            outlet.journal.reconnect()


def _reason(error: Exception) -> str:
    """Say what was wrong; other errors' own words may hold the address and its password."""
    if isinstance(error, LostError):
        return str(error)[:1].upper() + str(error)[1:]
    return f"Reading it failed with an unexpected {type(error).__name__}"
