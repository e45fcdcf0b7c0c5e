# SPDX-License-Identifier: Apache-2.0
"""Precision, recall and average precision, from probabilities and the truth.

The definitions are scikit-learn's, which the tests compare with; only what is undefined is None
here, where scikit-learn says 0. A prediction is a probability of at least the threshold, as for
the service.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Curve", "Ranking", "binarised", "precision", "ratio", "recall", "wilson_interval"]

_Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution
_MOST_POINTS = 64  # more could not be told apart in a plot


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall at several thresholds, in the order of the thresholds.

    Attributes:
        thresholds: From high to low in a tag's own curve, from low to high in a sweep.
        precision: 0 to 1; None where nothing is predicted.
        recall: 0 to 1; None where there is nothing to be found.
    """

    thresholds: tuple[float, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Scores from high to low, and what was found on the way down. Equal scores are one step.

    Attributes:
        scores: The distinct scores, descending, shape (steps,).
        found: How many true ones have at least that score, shape (steps,).
        predicted: How many have at least that score, shape (steps,).
        positives: How many true ones there are.
    """

    scores: NDArray[np.float64]
    found: NDArray[np.int64]
    predicted: NDArray[np.int64]
    positives: int

    @classmethod
    def of(cls, truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> Self:
        """Rank scores.

        Args:
            truth: Which are true, any shape.
            scores: Their scores, of the same shape.
        """
        order = np.argsort(-scores.ravel(), kind="stable")
        ranked = scores.ravel()[order].astype(np.float64)
        found: NDArray[np.int64] = np.cumsum(truth.ravel()[order], dtype=np.int64)
        # The last of each run of equal scores; the very last score ends a run, too.
        last = np.flatnonzero(np.append(np.diff(ranked) != 0, np.ones(min(1, ranked.size), bool)))
        return cls(ranked[last], found[last], last + 1, int(truth.sum()))

    def average_precision(self) -> float | None:
        """Return the area under the steps of the precision-recall curve; None without positives.

        The sum over n of (R_n - R_(n-1)) P_n, without interpolation: scikit-learn's
        ``average_precision_score``.
        """
        if not self.positives:
            return None
        gained = np.diff(self.found, prepend=0) / self.positives
        return float((gained * self.found / self.predicted).sum())

    def curve(self) -> Curve:
        """Return precision and recall at each distinct score, or at 64 of them."""
        steps = np.arange(len(self.scores))
        if len(steps) > _MOST_POINTS:
            steps = np.unique(np.linspace(0, len(steps) - 1, _MOST_POINTS).round().astype(int))
        return self._at(self.scores[steps], steps)

    def sweep(self, thresholds: Sequence[float]) -> Curve:
        """Return precision and recall at these thresholds."""
        wanted = np.asarray(thresholds, np.float64)
        # The last step whose score is at least the threshold; -1 where there is none.
        least = wanted.astype(np.float32).astype(np.float64)
        return self._at(wanted, np.searchsorted(-self.scores, -least, side="right") - 1)

    def _at(self, thresholds: NDArray[np.float64], steps: NDArray[np.int64]) -> Curve:
        found = [int(self.found[step]) if step >= 0 else 0 for step in steps]
        predicted = [int(self.predicted[step]) if step >= 0 else 0 for step in steps]
        return Curve(
            tuple(thresholds.tolist()),
            tuple(map(ratio, found, predicted)),
            tuple(ratio(each, self.positives) for each in found),
        )


def binarised(probabilities: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """Return what is predicted at a threshold: every probability of at least that."""
    # Models answer in float32, whose 0.7 lies below the double's: compared as the former.
    said: NDArray[np.bool_] = probabilities.astype(np.float32) >= np.float32(threshold)
    return said


def precision(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> float | None:
    """Return the share of what was said that is true; None where nothing was said.

    Args:
        truth: What is true, any shape.
        said: What was predicted, of the same shape.
    """
    return ratio(int((truth & said).sum()), int(said.sum()))


def recall(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> float | None:
    """Return the share of what is true that was said; None where nothing is true."""
    return ratio(int((truth & said).sum()), int(truth.sum()))


def ratio(part: int, whole: int) -> float | None:
    """Return a share, 0 to 1; None of nothing."""
    return part / whole if whole else None


def wilson_interval(part: int, whole: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share; None of nothing.

    Wilson's score interval (E. B. Wilson, JASA 22, 1927), which is of use for few trials and for
    shares of 0 and 1, where the textbook's plus-or-minus says that nothing is uncertain.
    """
    if not whole:
        return None
    share, square = part / whole, _Z95 * _Z95
    centre = (share + square / (2 * whole)) / (1 + square / whole)
    spread = share * (1 - share) / whole + square / (4 * whole * whole)
    half = _Z95 * math.sqrt(spread) / (1 + square / whole)
    # At shares of 0 and 1 a bound is exact, and rounding would put it a hair beyond.
    low = 0.0 if part == 0 else max(0.0, centre - half)
    high = 1.0 if part == whole else min(1.0, centre + half)
    return low, high
