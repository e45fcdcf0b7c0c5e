# SPDX-License-Identifier: Apache-2.0
"""From a camera to the board where frames wait."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.streams.lanes import Arrival
from trunkline.streams.slots import EndOfStream
from trunkline.streams.stillness import thumbnail

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from trunkline.streams.board import Board
    from trunkline.streams.frames import Frame
    from trunkline.streams.lanes import Lane

__all__ = ["Clock", "Feeder"]

_TICK = 0.2  # seconds between looks at whether to stop


@dataclass(frozen=True, slots=True)
class Clock:
    """What tells the time.

    Attributes:
        steady: Seconds, only ever forward.
        wall: Seconds since 1970, as frames have them.
    """

    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Feeder:
    """Takes cameras' frames to the board, each camera's in a thread of its own.

    Args:
        board: Where they wait.
        clock: What tells the time.
        stopping: Set when no more are wanted.
    """

    def __init__(self, board: Board, clock: Clock, stopping: threading.Event) -> None:
        self._board = board
        self._clock = clock
        self._stopping = stopping

    def feed(self, lane: Lane) -> None:
        """Take one camera's frames to the board, until there are no more."""
        problem = ""
        try:
            lane.source.start()
            while not self._stopping.is_set():
                frame = lane.source.next(_TICK)
                if frame is not None:
                    self._board.offer(lane, self._arrival(lane, frame))
        except EndOfStream:
            pass
        except Exception as error:  # a source's fault must not end the others
            problem = str(error) or type(error).__name__
        self._board.end(lane, problem)

    def _arrival(self, lane: Lane, frame: Frame) -> Arrival:
        came = self._clock.steady()
        if lane.source.live:  # it may have waited at the source
            came -= max(0.0, self._clock.wall() - frame.at)
        still = lane.camera.still is not None
        return Arrival(frame, came, thumbnail(frame.pixels) if still else None)
