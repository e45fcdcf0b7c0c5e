# SPDX-License-Identifier: Apache-2.0
"""What one side of ``streams`` notes while it watches."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams_cameras import read_number

if TYPE_CHECKING:
    from streams_cameras import Pixels

__all__ = ["PATIENCE", "REST", "SETTLE", "Record"]

SETTLE = 0.5
"""Seconds for which all cameras have been watched before anything is counted."""

REST = 0.5
"""Seconds in which frames that were under way when the counting ended come out."""

PATIENCE = 120.0
"""Seconds after which a camera that has not been answered ends the run."""


@dataclass(slots=True)
class Record:
    """What a side saw.

    Attributes:
        frames: Camera, number, and when all models' answers had been read, on the machine's
            monotonic clock.
        begun: When the counting began.
        ended: When it ended; frames may come behind it that were under way then.
        cpu: Seconds of a core that the process used in between.
        dropped: What the side itself says of frames dropped in between, by reason.
    """

    frames: list[tuple[int, int, float]] = field(default_factory=list)
    begun: float = 0.0
    ended: float = 0.0
    cpu: float = 0.0
    dropped: dict[str, int] = field(default_factory=dict)

    def see(self, camera: int, pixels: Pixels) -> None:
        """Note that a frame has been answered."""
        self.frames.append((camera, read_number(pixels), time.monotonic()))

    def has_seen(self, cameras: int) -> bool:
        """Return whether so many cameras have each been answered."""
        return len({camera for camera, _, _ in self.frames.copy()}) == cameras

    def begin(self) -> None:
        """Begin to count."""
        self.cpu = -time.process_time()
        self.begun = time.monotonic()

    def end(self) -> None:
        """Count no more."""
        self.ended = time.monotonic()
        self.cpu += time.process_time()
