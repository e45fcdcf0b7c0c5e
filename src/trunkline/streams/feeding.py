# SPDX-License-Identifier: Apache-2.0
"""From a camera to the board where frames wait."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.streams.ends import DevelopsLater
from trunkline.streams.lanes import Arrival
from trunkline.streams.slots import EndOfStream
from trunkline.streams.stillness import thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.streams.board import Board
    from trunkline.streams.frames import Exposure, Frame
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
        stopping: Tells whether no more are wanted.
    """

    def __init__(self, board: Board, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._board = board
        self._clock = clock
        self._stopping = stopping

    def feed(self, lane: Lane) -> None:
        """Take one camera's frames to the board, until there are no more."""
        problem = ""
        try:
            lane.source.start()
            while not self._stopping():
                arrival = self._next(lane)
                if arrival is not None:
                    self._board.offer(lane, arrival)
        except EndOfStream:
            pass
        except Exception as error:  # a source's fault must not end the others
            problem = str(error) or type(error).__name__
        self._board.end(lane, problem)

    def _next(self, lane: Lane) -> Arrival | None:
        source = lane.source
        # Whether a frame shows anything new is seen in its picture.
        if lane.camera.still is None and isinstance(source, DevelopsLater):
            exposure = source.take(_TICK)
            return self._arrival(lane, exposure.frame, exposure) if exposure else None
        frame = source.next(_TICK)
        return self._arrival(lane, frame) if frame else None

    def _arrival(self, lane: Lane, frame: Frame, exposure: Exposure | None = None) -> Arrival:
        came = self._clock.steady()
        if lane.source.live:  # it may have waited at the source
            came -= max(0.0, self._clock.wall() - frame.at)
        still = lane.camera.still is not None
        small = thumbnail(frame.pixels) if still else None
        return Arrival(frame, came, small, exposure)
