# SPDX-License-Identifier: Apache-2.0
"""Where what reads a source puts its frames."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from trunkline.streams.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.streams.sampling import Sampler
    from trunkline.streams.slots import FrameSlot
    from trunkline.streams.status import Journal

__all__ = ["Develop", "Outlet"]

if TYPE_CHECKING:
    Develop = Callable[[], Frame]
    """Makes the frame; of a live source called only for a frame that is taken."""


class Outlet:
    """Counts, samples and queues what is read from a source.

    Args:
        stream: The name that frames carry.
        sampler: Picks the frames that are wanted.
        slot: Where they wait.
        journal: Where they are counted.
    """

    def __init__(
        self, stream: str, sampler: Sampler, slot: FrameSlot[Develop], journal: Journal
    ) -> None:
        self.slot = slot
        self.journal = journal
        self._stream = stream
        self._sampler = sampler
        self._stopped = threading.Event()

    def stopped(self) -> bool:
        """Whether nobody wants more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Want no more; whoever waits in ``offer`` or ``wait`` goes on."""
        self._stopped.set()
        self.slot.close()

    def wait(self, seconds: float) -> None:
        """Wait, or until nobody wants more."""
        self._stopped.wait(seconds)

    def offer(
        self, at: float, width: int, height: int, pixels: Callable[[], NDArray[np.uint8]]
    ) -> None:
        """Count a frame, and queue it if it is wanted.

        Args:
            at: Its time, in seconds since 1970.
            width: After rotation.
            height: After rotation.
            pixels: Gives it as RGB. It is called later, and perhaps never, for a live source.
        """
        number = self.journal.frame(width, height)
        if not self._sampler.wants(number, at):
            self.journal.skip()
            return
        develop: Develop = partial(_develop, self._stream, number, at, pixels)
        # A live frame may yet be dropped, and would have been converted for nothing.
        if not self.slot.newest:
            try:
                develop = _developed(develop())
            except Exception as error:  # the next one may be in another format
                self.spoil(error)
                return
        self.slot.put(develop)

    def spoil(self, error: Exception) -> None:
        """Count a frame that could not be brought to RGB as broken, and as dropped."""
        self.journal.broken(f"A frame could not be converted ({type(error).__name__}).")
        self.slot.lose()


def _develop(stream: str, number: int, at: float, pixels: Callable[[], NDArray[np.uint8]]) -> Frame:
    return Frame(stream, number, at, pixels())


def _developed(frame: Frame) -> Develop:
    return lambda: frame
