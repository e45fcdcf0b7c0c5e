# SPDX-License-Identifier: Apache-2.0
"""What a source says about itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Journal", "SourceState", "SourceStatus"]

SourceState = Literal["waiting", "running", "stalled", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source is.

    Every frame is accounted for: ``received`` is the frames given out, plus ``dropped``, plus
    ``skipped``, plus those that wait to be taken.

    Attributes:
        state: ``"waiting"`` for its first frame, ``"running"``, ``"stalled"`` when a live source
            that ran gives none, ``"ended"``, or ``"failed"`` when it will give no more.
        problem: What is wrong, as a sentence without any password; empty while all is well. Of a
            folder, what was wrong with the last picture that could not be read.
        received: Frames that came and seemed whole.
        dropped: Frames that came while an older one still waited, waited at the end, or could not
            be decoded or brought to RGB when they were taken.
        skipped: Frames left out as ``every`` and ``fps`` ask.
        broken: Packets, frames and pictures that could not be decoded whole.
        reconnects: How often it was opened again.
        width: Of the last frame received, or decoded as it came, after rotation, in pixels; 0
            before the first.
        height: As width.
    """

    state: SourceState = "waiting"
    problem: str = ""
    received: int = 0
    dropped: int = 0
    skipped: int = 0
    broken: int = 0
    reconnects: int = 0
    width: int = 0
    height: int = 0


class Journal:
    """Keeps a source's status, written by the thread that reads it and read by any.

    Args:
        patience: Seconds without a frame after which a running source counts as stalled.
        clock: Monotonic seconds.
    """

    def __init__(self, patience: float, clock: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._status = SourceStatus()
        self._patience = patience
        self._clock = clock
        self._last = clock()
        self._lost = False

    def status(self, *, dropped: int, live: bool) -> SourceStatus:
        """Return the status now; a live source that has gone silent counts as stalled."""
        with self._lock:
            status = replace(self._status, dropped=dropped)
            silent = self._clock() - self._last > self._patience
        # The reader itself may hang: a webcam's driver cannot be interrupted.
        if live and silent and status.state == "running":
            problem = f"No picture has come for {self._patience:g} seconds."
            return replace(status, state="stalled", problem=problem)
        return status

    def frame(self, width: int, height: int) -> int:
        """Note a frame, and return its number, counted from 0."""
        with self._lock:
            self._last = self._clock()
            number = self._status.received
            self._status = replace(
                self._status,
                state="running",
                problem="" if self._lost else self._status.problem,
                received=number + 1,
                width=width,
                height=height,
            )
            self._lost = False
            return number

    def skip(self) -> None:
        """Note that the last frame was left out as asked."""
        with self._lock:
            self._status = replace(self._status, skipped=self._status.skipped + 1)

    def broken(self, problem: str = "") -> None:
        """Note something that could not be decoded."""
        with self._lock:
            self._status = replace(
                self._status,
                broken=self._status.broken + 1,
                problem=problem or self._status.problem,
            )

    def lost(self, problem: str) -> None:
        """Note that a live source is not there, or no longer."""
        with self._lock:
            self._lost = True
            ran = self._status.received > 0
            self._status = replace(
                self._status, state="stalled" if ran else "waiting", problem=problem
            )

    def reconnect(self) -> None:
        """Note that it is opened again."""
        with self._lock:
            self._status = replace(self._status, reconnects=self._status.reconnects + 1)

    def end(self) -> None:
        """Note that all was read."""
        with self._lock:
            if self._status.state != "failed":
                self._status = replace(self._status, state="ended")

    def fail(self, problem: str) -> None:
        """Note that it will give no more."""
        with self._lock:
            self._status = replace(self._status, state="failed", problem=problem)
