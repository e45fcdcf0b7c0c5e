# SPDX-License-Identifier: Apache-2.0
"""What can be known of a watcher while it runs."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.predictions import Prediction

__all__ = ["CameraFigures", "Figures", "Latency", "Meter", "ModelFigures", "SinkFigures"]

_WINDOW = 10.0  # seconds that a rate is taken over
_KEPT = 512


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from a frame's coming to its answers, over the last 512 frames.

    Attributes:
        p50: Half of them took at most this long.
        p95: 95 of 100.
        p99: 99 of 100.
    """

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """One model on one camera.

    Attributes:
        model: Its name.
        answers: How many frames it has answered.
        rate: Answers per second, over the last ten seconds.
        dropped: Frames that were its turn and that it did not see, by reason: ``"late"`` (a newer
            one came before there was time), ``"deadline"``, ``"error"``, ``"unloaded"``.
        problem: Why it failed last; nothing once it has answered again.
        answer: Its last answer; None before the first.
        present: The labels that have come and not gone.
    """

    model: str
    answers: int
    rate: float
    dropped: Mapping[str, int]
    problem: str
    answer: Prediction | None
    present: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """One camera.

    Attributes:
        name: The stream's name.
        live: Whether it is no file.
        state: The source's.
        problem: The source's.
        frames: How many have come out with answers.
        fps: Frames per second, over the last ten seconds.
        latency: From coming to answers.
        dropped: Whole frames, by reason: ``"source"`` (the source kept only the newest),
            ``"late"``, ``"deadline"``, ``"reader"`` (answered, and whoever iterates was slow),
            ``"stopped"`` (they waited when all was stopped).
        models: Those that watch it.
    """

    name: str
    live: bool
    state: str
    problem: str
    frames: int
    fps: float
    latency: Latency
    dropped: Mapping[str, int]
    models: tuple[ModelFigures, ...]


@dataclass(frozen=True, slots=True)
class SinkFigures:
    """One sink.

    Attributes:
        dropped: Sights that it could not take.
        problem: Why, as a sentence, or nothing.
        dropped_by_camera: The same by the stream's name, where the sink knows.
    """

    dropped: int
    problem: str
    dropped_by_camera: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """All of a watcher.

    Attributes:
        cameras: In the order in which they were given.
        sinks: Likewise.
    """

    cameras: tuple[CameraFigures, ...]
    sinks: tuple[SinkFigures, ...]


@dataclass(slots=True)
class Meter:
    """Counts what happens, and when.

    Attributes:
        count: How often it has happened.
        dropped: What did not happen, by reason.
    """

    count: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def note(self, now: float, latency: float | None = None) -> None:
        """Count one more.

        Args:
            now: When, on a clock that only goes forward.
            latency: How long it took; None where nobody asks.
        """
        self.count += 1
        self._times.append(now)
        if latency is not None:
            self._latencies.append(latency)

    def rate(self, now: float) -> float:
        """Return how often it happens per second; 0 until it has happened twice."""
        recent = [time for time in self._times.copy() if time > now - _WINDOW]
        if len(recent) < 2 or now <= recent[0]:
            return 0.0
        return (len(recent) - 1) / (now - recent[0])

    def latency(self) -> Latency:
        """Return the last latencies' percentiles; zeroes where there are none."""
        ranked = sorted(self._latencies.copy())
        if not ranked:
            return Latency()
        # The nearest rank: the smallest value that so many of a hundred do not exceed.
        return Latency(*(ranked[-(-p * len(ranked) // 100) - 1] for p in (50, 95, 99)))
