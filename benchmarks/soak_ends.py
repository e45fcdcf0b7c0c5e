# SPDX-License-Identifier: Apache-2.0
"""What counts at both ends of a watcher, beside the watcher's own counts."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from trunkline.streams.frames import Exposure
from trunkline.streams.sources import EndOfStream, SourceStatus

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from trunkline import ModelSet
    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Frame, Sight
    from trunkline.streams.queues import QueuedSink
    from trunkline.streams.sources import Source

__all__ = ["CountedSink", "CountedSource", "FlakyModels", "LoopedFiles", "Tally", "parts_of"]

_SUMMED = ("received", "dropped", "skipped", "broken", "reconnects")


class CountedSource:
    """A source, and how many frames it has given.

    Args:
        source: The source.
    """

    def __init__(self, source: Source | LoopedFiles) -> None:
        self.source = source
        self.name = source.name
        self.given = 0
        self._counting = threading.Lock()

    @property
    def live(self) -> bool:
        """As sources have it."""
        return self.source.live

    @property
    def status(self) -> SourceStatus:
        """As sources have it."""
        return self.source.status

    def start(self) -> None:
        """Begin to read."""
        self.source.start()

    def next(self, timeout: float) -> Frame | None:
        """Return the next frame; see ``Source.next``."""
        frame = self.source.next(timeout)
        self._count(int(frame is not None))
        return frame

    def take(self, timeout: float) -> Exposure | None:
        """Return the next frame, to be developed later; see ``Source.take``."""
        exposure = self.source.take(timeout)
        if exposure is None:
            return None
        self._count(1)
        return replace(exposure, develop=partial(self._develop, exposure))

    def _develop(self, exposure: Exposure) -> Frame | None:
        frame = exposure.develop()
        if frame is None:  # the source itself has counted it as dropped
            self._count(-1)
        return frame

    def _count(self, given: int) -> None:
        with self._counting:
            self.given += given

    def close(self) -> None:
        """Stop reading."""
        self.source.close()


class LoopedFiles:
    """Files or folders that are opened one after another for ever, as one source.

    Args:
        name: The stream's name.
        paths: The files; the next is chosen at random.
        chance: What chooses.
        open_source: Opens one of them.
        whole: How many frames there are in those that are known to be whole.
    """

    live = False

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        chance: random.Random,
        open_source: Callable[[str], Source],
        whole: Mapping[Path, int],
    ) -> None:
        self.name = name
        self.passes = 0
        self.wrong: list[str] = []
        self._paths, self._chance, self._open, self._whole = paths, chance, open_source, whole
        self._before = SourceStatus()
        self._changing = threading.Lock()
        self._closed = False
        self._path = paths[0]
        self._source = open_source(str(self._path))

    @property
    def status(self) -> SourceStatus:
        """All files' counts together."""
        with self._changing:
            return self._sum()

    def _sum(self) -> SourceStatus:
        now = self._source.status
        sums = {key: getattr(self._before, key) + getattr(now, key) for key in _SUMMED}
        return replace(now, **sums)

    def start(self) -> None:
        """Begin to read."""
        self._source.start()

    def next(self, timeout: float) -> Frame | None:
        """Return the next frame; see ``Source.next``."""
        try:
            frame = self._source.next(timeout)
        except EndOfStream:
            self._next_file()
            return None
        return frame and replace(frame, number=self._before.received + frame.number)

    def take(self, timeout: float) -> Exposure | None:
        """Return the next frame as ``next`` does."""
        frame = self.next(timeout)
        return frame and Exposure(frame, lambda: frame)

    def _next_file(self) -> None:
        with self._changing:
            if self._closed:
                raise EndOfStream
            self._source.close()
            self._judge()
            self._before = self._sum()
            self.passes += 1
            self._path = self._chance.choice(self._paths)
            self._source = self._open(str(self._path))
            self._source.start()

    def _judge(self) -> None:
        status, whole = self._source.status, self._whole.get(self._path)
        if whole is not None and (status.received, status.state) != (whole, "ended"):
            self.wrong.append(f"{self._path.name}: {status}")

    def close(self) -> None:
        """Stop reading."""
        with self._changing:
            self._closed = True
            self._source.close()


class FlakyModels:
    """A model set of which one model fails at random.

    Args:
        models: The model set.
        chance: What decides.
        name: The model that fails for one picture in 500.
    """

    def __init__(self, models: ModelSet, chance: random.Random, name: str) -> None:
        self._models, self._chance, self._name = models, chance, name
        self._spoiled = threading.local()

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def predict(
        self, picture: NDArray[np.uint8], *, models: Collection[str] | None = None
    ) -> Mapping[str, Prediction]:
        """Answer, or fail."""
        if models and self._name in models:
            again = picture is getattr(self._spoiled, "picture", None)
            self._spoiled.picture = None
            if again or self._chance.random() < 1 / 500:
                # Asked with others it fails all, and then it is asked alone.
                self._spoiled.picture = None if again else picture
                raise RuntimeError("it failed at random")
        return self._models.predict(picture, models=models)


@dataclass
class Tally:
    """A sink that counts what comes out of the watcher.

    Attributes:
        name: As sinks have it.
        dropped: None.
        problem: None.
        frames: By stream.
        answers: By stream and model.
        events: By stream.
        disorder: Frames whose number was not greater than the one before of their stream.
    """

    name: str = "tally"
    dropped: int = 0
    problem: str = ""
    frames: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    disorder: list[str] = field(default_factory=list)
    _last: dict[str, int] = field(default_factory=dict)

    def put(self, sight: Sight) -> None:
        """Take a sight."""
        frame = sight.frame
        # One camera's sights come one after another, and keys are a camera's.
        self.frames[frame.stream] += 1
        self.events[frame.stream] += len(sight.events)
        for model in sight.answers:
            self.answers[frame.stream, model] += 1
        if frame.number <= self._last.get(frame.stream, -1):
            self.disorder.append(f"{frame.stream}#{frame.number}")
        self._last[frame.stream] = frame.number

    def close(self, seconds: float) -> None:
        """Keep what was counted."""


class CountedSink:
    """A sink, and how much was put into it.

    Args:
        sink: The sink.
        items: What it makes of a sight, see ``parts_of``.
        streams: Whose sights it gets; None for all.
    """

    def __init__(
        self, sink: QueuedSink, items: str, streams: Collection[str] | None = None
    ) -> None:
        self.sink = sink
        self.name = sink.name
        self.count = 0
        self.problems: set[str] = set()
        self._items, self._streams = items, streams
        self._counting = threading.Lock()

    @property
    def dropped(self) -> int:
        """As sinks have it."""
        return self.sink.dropped

    @property
    def dropped_by_camera(self) -> Mapping[str, int]:
        """As sinks have it."""
        return self.sink.dropped_by_camera

    @property
    def problem(self) -> str:
        """As sinks have it."""
        return self.sink.problem

    def put(self, sight: Sight) -> None:
        """Take a sight."""
        if self._streams is not None and sight.frame.stream not in self._streams:
            return
        with self._counting:
            self.count += parts_of(sight, self._items)
        self.sink.put(sight)
        if len(self.problems) < 100:
            self.problems.add(self.sink.problem)

    def close(self, seconds: float) -> None:
        """Deliver what waits, and stop."""
        self.sink.close(seconds)


def parts_of(sight: Sight, items: str) -> int:
    """Return how many things a sink has to deliver of a sight.

    Args:
        sight: The sight.
        items: ``"sights"`` for one; ``"answered"`` for one if there is an answer or event in it;
            ``"events"``; ``"both"`` for one if there is an answer, and its events.
    """
    events = len(sight.events)
    match items:
        case "events":
            return events
        case "both":
            return bool(sight.answers) + events
        case "answered":
            return bool(sight.answers or events)
    return 1
