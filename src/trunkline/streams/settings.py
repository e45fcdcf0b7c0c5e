# SPDX-License-Identifier: Apache-2.0
"""How a source is read, where a person wants it otherwise."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SourceSettings"]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How a source is read.

    Attributes:
        follow: For a folder: wait for new pictures when all have been read; it never ends.
        patience: Seconds without a picture after which a live source counts as stalled and is
            opened anew; also the longest wait for a connection.
        transport: How RTSP's pictures travel: ``"tcp"``, which loses none, or ``"udp"``.
        options: Options for FFmpeg's reader of the source, by name, such as ``video_size`` and
            ``input_format`` for a webcam; they win over Trunkline's own.
        backlog: How many frames of a file or folder are read ahead.
        scan: Seconds between two looks into a folder that is followed.
        longest_pause: Seconds; pauses before connecting anew grow from 1 to this.
        sleep: Called with each pause in seconds in place of waiting; for tests.
        clock: Monotonic seconds.
        now: Seconds since 1970.
    """

    follow: bool = False
    patience: float = 10.0
    transport: str = "tcp"
    options: Mapping[str, str] = field(default_factory=dict)
    backlog: int = 4
    scan: float = 0.25
    longest_pause: float = 30.0
    sleep: Callable[[float], object] | None = None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.transport not in ("tcp", "udp"):
            raise TrunklineError(f"transport is {self.transport!r}; it must be 'tcp' or 'udp'.")
        for name in ("patience", "backlog", "scan", "longest_pause"):
            if not getattr(self, name) > 0:
                raise TrunklineError(f"{name} is {getattr(self, name)}; it must be above 0.")
