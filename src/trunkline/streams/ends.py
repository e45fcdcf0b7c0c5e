# SPDX-License-Identifier: Apache-2.0
"""What a watcher needs of those at its two ends, sources and sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.streams.frames import Exposure, Frame, Sight

__all__ = [
    "CountsByCamera",
    "DevelopsLater",
    "FrameSource",
    "HoldsFiles",
    "SightSink",
    "SourceState",
]


class SourceState(Protocol):
    """How a source is, as ``trunkline.streams.sources.SourceStatus`` says it."""

    @property
    def state(self) -> str:
        """``"waiting"``, ``"running"``, ``"stalled"``, ``"ended"`` or ``"failed"``."""
        ...

    @property
    def problem(self) -> str:
        """A sentence, or nothing."""
        ...

    @property
    def dropped(self) -> int:
        """Frames that came and were not given to anybody."""
        ...


class FrameSource(Protocol):
    """What a watcher needs of a source; ``trunkline.streams.sources.Source`` is one."""

    @property
    def name(self) -> str:
        """The stream's name."""
        ...

    @property
    def live(self) -> bool:
        """Whether frames come in their own time; those of a file wait until they are wanted."""
        ...

    @property
    def status(self) -> SourceState:
        """How it is."""
        ...

    def start(self) -> None:
        """Begin to read."""
        ...

    def next(self, timeout: float) -> Frame | None:
        """Return the next frame, or None after ``timeout`` seconds without one.

        Raises:
            EndOfStream: There will be none.
        """
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


@runtime_checkable
class DevelopsLater(Protocol):
    """A source of frames that are decoded when they are wanted; ``Source`` is one."""

    def take(self, timeout: float) -> Exposure | None:
        """Return the next frame, or None, as ``FrameSource.next`` does."""
        ...


class SightSink(Protocol):
    """What a watcher needs of a sink; ``trunkline.streams.sinks.Sink`` is one."""

    @property
    def dropped(self) -> int:
        """Sights or events that were lost: it was too slow, or they could not be delivered."""
        ...

    @property
    def problem(self) -> str:
        """What is wrong now, as one sentence without secrets; empty when all is well."""
        ...

    def put(self, sight: Sight) -> None:
        """Take a sight; never waits and never raises."""
        ...

    def close(self, seconds: float) -> None:
        """Deliver what waits, for so many seconds at most, and stop."""
        ...


@runtime_checkable
class CountsByCamera(Protocol):
    """A sink that knows whose sights it could not take; those with a queue do."""

    @property
    def dropped_by_camera(self) -> Mapping[str, int]:
        """What ``dropped`` counts, by the stream's name."""
        ...


@runtime_checkable
class HoldsFiles(Protocol):
    """A sink that files wait for; ``trunkline.streams.keeping.KeepingSink`` is one."""

    @property
    def is_full(self) -> bool:
        """Whether files should wait; not where it has stopped delivering. Never waits."""
        ...

    def when_room(self, call: Callable[[], object]) -> None:
        """Have something called, from any thread, whenever it is no longer full."""
        ...

    def keep(self, sight: Sight) -> None:
        """Take a file's sight, and drop none for it; never waits."""
        ...

    def flush(self, timeout: float) -> bool:
        """Wait for what it holds; return whether there is nothing more to wait for."""
        ...
