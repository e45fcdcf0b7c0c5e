# SPDX-License-Identifier: Apache-2.0
"""Watching from Python: a loop over frames and answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from trunkline.streams.rules import EVERY_MODEL, Camera, Rule
from trunkline.streams.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from typing import Self

    from trunkline.predictions import Prediction
    from trunkline.streams.answering import Models
    from trunkline.streams.ends import FrameSource
    from trunkline.streams.figures import Figures
    from trunkline.streams.frames import Frame, Sight

__all__ = ["Watch", "watch"]


def watch(
    models: Models,
    *sources: FrameSource | str,
    every: int = 1,
    fps: float | None = None,
    rules: Iterable[Rule] = (Rule(EVERY_MODEL),),
    still: float | None = None,
) -> Watch:
    """Let models watch sources.

    For example::

        for frame, answers in trunkline.watch(models, "video.mp4"):
            print(frame.number, answers["first"].label)

    ``async for`` does the same without keeping the event loop from other work. The loop ends with
    the sources; whoever leaves it early stops them by ``with`` or ``close()``.

    Args:
        models: A model set, best loaded with ``optimise="throughput"``.
        *sources: Files, folders, addresses of cameras, numbers of webcams; or sources that were
            opened already.
        every: Take every n-th frame of a file.
        fps: Take at most so many frames per second.
        rules: Which models watch, how often and what for; by default all of them, every frame.
        still: Take the last answers again where a frame differs by less than this from the one
            they are of: mean absolute difference of thumbnails, 0 to 255.

    Raises:
        TrunklineError: A source cannot be opened.
        ValueError: A value is out of range.
    """
    ruled = tuple(rules)
    cameras = [Camera(_opened(source, every, fps), ruled, still) for source in sources]
    return Watch(Watcher(models, cameras))


class Watch:
    """A loop over frames and answers, plain or asynchronous; see ``trunkline.watch``.

    Args:
        watcher: What it loops over.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[Frame, Mapping[str, Prediction]]]:
        for sight in self._watcher:
            yield sight.frame, sight.answers

    async def __aiter__(self) -> AsyncIterator[tuple[Frame, Mapping[str, Prediction]]]:
        sights = iter(self._watcher)
        try:
            while True:
                sight = await asyncio.to_thread(next, sights, None)
                if sight is None:
                    return
                yield sight.frame, sight.answers
        finally:
            await asyncio.to_thread(self.close)

    def sights(self) -> Iterator[Sight]:
        """Yield the same with events and latency."""
        return iter(self._watcher)

    def figures(self) -> Figures:
        """Return frame rates, latencies and what was dropped and why."""
        return self._watcher.figures()

    def close(self) -> None:
        """Stop watching."""
        self._watcher.close()


def _opened(source: FrameSource | str, every: int, fps: float | None) -> FrameSource:
    if not isinstance(source, str):
        return source
    from trunkline.streams.sources import open_source

    return open_source(source, every=every, fps=fps)
