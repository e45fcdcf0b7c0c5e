# SPDX-License-Identifier: Apache-2.0
"""What happened while the demonstration ran, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.predictions import Classification

__all__ = ["Shot", "Tally"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame that was answered.

    Attributes:
        at: Seconds since the first frame was begun.
        latency: Seconds from the frame's bytes to all answers.
        truth: The right answer, by model name.
        answers: What the models said, by model name.
    """

    at: float
    latency: float
    truth: Mapping[str, str]
    answers: Mapping[str, Classification]

    def is_right(self, name: str) -> bool:
        """Tell whether a model was right."""
        return self.answers[name].label == self.truth[name]


@dataclass
class Tally:
    """A count over all frames so far."""

    latencies: list[float] = field(default_factory=list)
    right: dict[str, int] = field(default_factory=dict)
    elapsed: float = 0.0

    def add(self, shot: Shot) -> None:
        """Count a frame."""
        self.latencies.append(shot.latency)
        self.elapsed = shot.at
        for name in shot.answers:
            self.right[name] = self.right.get(name, 0) + shot.is_right(name)

    @property
    def frames(self) -> int:
        """How many frames were answered."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Frames per second, everything between two frames included."""
        return self.frames / self.elapsed

    def accuracy(self, name: str) -> float:
        """Return the share of the frames on which a model was right, 0 to 1."""
        return self.right[name] / self.frames

    def latency(self, percentile: float) -> float:
        """Return a percentile of the latency, in seconds."""
        return float(np.percentile(self.latencies, percentile))
