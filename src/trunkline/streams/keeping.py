# SPDX-License-Identifier: Apache-2.0
"""Sinks that files wait for, so that they get every frame of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.streams.queues import QueuedSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.streams.frames import Sight

__all__ = ["KeepingSink"]


class KeepingSink(QueuedSink["Sight"]):
    """A sink that loses nothing of a file as long as it delivers, however slowly.

    Its queue's last item may still be under way when the sink is closed, so one thread delivers.
    """

    @property
    def is_full(self) -> bool:
        """Whether files should wait."""
        return self._queue.is_full

    def when_room(self, call: Callable[[], object]) -> None:
        """Have something called whenever the sink is no longer full."""
        self._queue.when_room(call)

    def keep(self, sight: Sight) -> None:
        """Queue what this sink wants of a file's sight. Never waits and never raises."""
        for item in self._items(sight):
            self._queue.put(item, keep=True)

    def flush(self, timeout: float) -> bool:
        """Wait for what is queued; return whether there is nothing more to wait for.

        Args:
            timeout: Seconds to wait at most.
        """
        return self._queue.flush(timeout)
