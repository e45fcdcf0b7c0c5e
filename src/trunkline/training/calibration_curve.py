# SPDX-License-Identifier: Apache-2.0
"""Whether probabilities mean what they say: that of the pictures given 80 %, 80 % are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trunkline.training.metrics import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bin", "Calibration", "calibration_curve"]

_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The predictions whose probability lies in one interval.

    Attributes:
        lower: Where the interval begins; it is open there, but for the first.
        upper: Where it ends, inclusive.
        count: How many predictions are in it.
        confidence: Their mean probability; None where there are none.
        accuracy: The share of them that is right; None where there are none.
    """

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far probabilities can be trusted.

    Attributes:
        bins: Ten intervals of equal width, ascending.
        expected_error: The mean distance of confidence and accuracy over the bins, weighted by
            their counts (ECE); None without predictions.
        mean_confidence: The mean probability; None without predictions.
        share_right: The share that is right; None without predictions.
    """

    bins: tuple[Bin, ...]
    expected_error: float | None
    mean_confidence: float | None
    share_right: float | None


def calibration_curve(probabilities: NDArray[np.floating], right: NDArray[np.bool_]) -> Calibration:
    """Compare probabilities with how often they were right.

    The expected calibration error is that of C. Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017, with ten bins.

    Args:
        probabilities: 0 to 1, shape (n,): of the most probable tag of each picture, or of every
            tag of every picture where tags do not exclude one another.
        right: Whether each was right, shape (n,).
    """
    probabilities = probabilities.astype(np.float64)
    place = np.clip(np.ceil(probabilities * _BINS).astype(int) - 1, 0, _BINS - 1)
    bins = tuple(_bin(number, probabilities, right, place == number) for number in range(_BINS))
    return Calibration(
        bins,
        _expected_error(bins, right.size),
        float(probabilities.mean()) if right.size else None,
        ratio(int(right.sum()), right.size),
    )


def _bin(
    number: int,
    probabilities: NDArray[np.floating],
    right: NDArray[np.bool_],
    inside: NDArray[np.bool_],
) -> Bin:
    count = int(inside.sum())
    confidence = float(probabilities[inside].mean()) if count else None
    accuracy = ratio(int(right[inside].sum()), count)
    return Bin(number / _BINS, (number + 1) / _BINS, count, confidence, accuracy)


def _expected_error(bins: tuple[Bin, ...], total: int) -> float | None:
    if not total:
        return None
    distances = (
        each.count * abs(each.confidence - each.accuracy)
        for each in bins
        if each.confidence is not None and each.accuracy is not None
    )
    return sum(distances) / total
