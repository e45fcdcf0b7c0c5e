# SPDX-License-Identifier: Apache-2.0
"""Where what reads a source puts its frames."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from trunkline.streams.frames import NO_PIXELS, Exposure, Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.streams.sampling import Sampler
    from trunkline.streams.slots import FrameSlot
    from trunkline.streams.status import Journal

__all__ = ["Outlet", "SpoiltError"]


class SpoiltError(Exception):
    """A picture is not whole, as happens on any network."""


class Outlet:
    """Counts, samples and queues what is read from a source.

    Args:
        stream: The name that frames carry.
        sampler: Picks the frames that are wanted.
        slot: Where they wait.
        journal: Where they are counted.
    """

    def __init__(
        self, stream: str, sampler: Sampler, slot: FrameSlot[Exposure], journal: Journal
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
        frame = Frame(self._stream, number, at, NO_PIXELS)
        # A live frame may yet be dropped, and would have been decoded or converted for nothing.
        if self.slot.newest:
            self.slot.put(Exposure(frame, partial(self._develop, frame, pixels)))
        elif developed := self._develop(frame, pixels):
            self.slot.put(Exposure(developed, lambda: developed))

    def _develop(self, frame: Frame, pixels: Callable[[], NDArray[np.uint8]]) -> Frame | None:
        try:
            return replace(frame, pixels=pixels())
        except SpoiltError:
            self.journal.broken()
        except Exception as error:  # the next one may be in another format
            self.journal.broken(f"A frame could not be converted ({type(error).__name__}).")
        self.slot.lose()
        return None
