# SPDX-License-Identifier: Apache-2.0
"""Sources, models and sinks for tests of watching: they do exactly what a test says."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trunkline.errors import ModelNameError
from trunkline.predictions import Box, Classification, Detection, Prediction
from trunkline.streams.frames import Frame, Sight
from trunkline.streams.slots import EndOfStream
from trunkline.streams.status import SourceStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

PATIENCE = 60.0
"""Seconds that a test waits for something that happens at once."""


def classified(label: str, probability: float = 0.9) -> Classification:
    """An answer: cat or dog."""
    values = {"cat": 1 - probability, "dog": 1 - probability, label: probability}
    return Classification("multiclass", tuple(values), np.array(list(values.values()), np.float32))


def detected(*boxes: tuple[str, float]) -> Detection:
    """An answer: boxes in the upper left quarter."""
    return Detection(("cat", "dog"), tuple(Box(n, p, 0, 0, 0.5, 0.5) for n, p in boxes))


def frame(number: int = 0, stream: str = "door", at: float | None = None, level: int = 0) -> Frame:
    """A frame of one grey, at 10 frames per second."""
    pixels = np.full((40, 60, 3), level, np.uint8)
    return Frame(stream, number, number / 10 if at is None else at, pixels)


@dataclass
class FakeSource:
    """Gives the frames that it is told to; a file unless live."""

    frames: Iterable[Frame]
    name: str = "door"
    live: bool = False
    fault: Exception | None = None
    endless: bool = False
    closed: bool = False
    lost: int = 0
    pulled: threading.Event = field(default_factory=threading.Event)

    @property
    def status(self) -> SourceStatus:
        state = "ended" if self.pulled.is_set() else "running"
        return SourceStatus(state, dropped=self.lost)

    def start(self) -> None:
        self._left = iter(self.frames)
        self._over = threading.Event()

    def next(self, timeout: float) -> Frame | None:
        for found in self._left:
            return found
        self.pulled.set()
        if self.fault:
            raise self.fault
        if self.endless and not self.closed:
            self._over.wait(timeout)
            return None
        raise EndOfStream

    def close(self) -> None:
        self.closed = True
        if hasattr(self, "_over"):
            self._over.set()


class FakeModels:
    """Answers with what a function per model says of the picture."""

    def __init__(self, **models: Callable[[np.ndarray], Prediction]) -> None:
        self.models = models
        self.calls: list[tuple[str, ...]] = []
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self.models))

    def predict(
        self, picture: np.ndarray, *, models: Collection[str] | None = None
    ) -> dict[str, Prediction]:
        names = tuple(models if models is not None else self.models)
        with self._lock:
            self.calls.append(names)
        for name in names:
            if name not in self.models:
                raise ModelNameError(f"No model is called {name!r}.")
        return {name: self.models[name](picture) for name in names}


@dataclass
class FakeSink:
    """Keeps what it gets, or fails."""

    fault: Exception | None = None
    sights: list[Sight] = field(default_factory=list)
    closed_after: float | None = None
    dropped: int = 0
    problem: str = ""
    name: str = "fake"

    def put(self, sight: Sight) -> None:
        if self.fault:
            raise self.fault
        self.sights.append(sight)

    def close(self, seconds: float) -> None:
        self.closed_after = seconds
        if self.fault:
            raise self.fault


@dataclass
class FakeTime:
    """A clock that stands still until it is put forward."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds, which it does soon."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.002)
