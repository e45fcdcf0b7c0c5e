# SPDX-License-Identifier: Apache-2.0
"""Pictures that may be tagged wrongly: the model, which did not see the tag, is sure of another.

This is the idea of confident learning (C. G. Northcutt, L. Jiang and I. L. Chuang, Confident
Learning: Estimating Uncertainty in Dataset Labels, Journal of Artificial Intelligence Research 70,
2021, arXiv 1911.00068). What counts as sure is learnt per tag: at least as sure as the model is,
on average, of the pictures that have the tag. A tag that is hard for the model is not doubted more
often for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Doubt", "find_doubts"]

_FEWEST = 3  # the average over fewer pictures says nothing about a tag


@dataclass(frozen=True, slots=True)
class Doubt:
    """A tag that may be wrong.

    Attributes:
        index: The picture's row.
        source: Where the picture came from.
        tagged: The tag it has and may not deserve; None where one may be missing.
        suggested: The tag it may deserve; None where it may only have one too many.
        probability: How probable the model finds the suggestion, 0 to 1; where there is none,
            that the tag does not belong.
        strength: By how much that exceeds the probability of what was tagged, 0 to 1; the doubts
            are sorted by it.
    """

    index: int
    source: str
    tagged: str | None
    suggested: str | None
    probability: float
    strength: float


def find_doubts(
    probabilities: NDArray[np.floating],
    truth: NDArray[np.bool_],
    labels: Sequence[str],
    sources: Sequence[str],
    *,
    exclusive: bool,
) -> tuple[Doubt, ...]:
    """Find the tags that may be wrong, the likeliest first.

    Args:
        probabilities: Shape (n, labels), 0 to 1, by a model that was not trained on the picture.
        truth: The tags, shape (n, labels).
        labels: The tags' names.
        sources: Where the pictures came from, n of them.
        exclusive: Whether every picture has exactly one tag (multiclass).
    """
    search = _exclusive if exclusive else _independent
    doubts = search(probabilities.astype(np.float64), truth, labels, sources)
    return tuple(sorted(doubts, key=lambda each: (-each.strength, each.index)))


def _exclusive(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.bool_],
    labels: Sequence[str],
    sources: Sequence[str],
) -> Iterator[Doubt]:
    """Yield the pictures off the diagonal of the confident joint whose own tag is less probable."""
    sure = _sure(probabilities, truth)
    confident = np.where(probabilities >= sure, probabilities, -1.0)
    for index in np.flatnonzero(confident.max(axis=1, initial=-1.0) >= 0).tolist():
        other, own = int(confident[index].argmax()), int(truth[index].argmax())
        strength = float(probabilities[index, other] - probabilities[index, own])
        if strength > 0:
            found = float(probabilities[index, other])
            yield Doubt(index, sources[index], labels[own], labels[other], found, strength)


def _independent(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.bool_],
    labels: Sequence[str],
    sources: Sequence[str],
) -> Iterator[Doubt]:
    """Yield doubts tag by tag, each a question of yes or no."""
    missing = ~truth & (probabilities >= _sure(probabilities, truth)) & (probabilities > 0.5)
    absent = 1 - probabilities
    surplus = truth & (absent >= _sure(absent, ~truth)) & (absent > 0.5)
    for index, tag in np.argwhere(missing | surplus).tolist():
        found = float(max(probabilities[index, tag], absent[index, tag]))
        name = labels[tag]
        tagged, suggested = (None, name) if missing[index, tag] else (name, None)
        yield Doubt(index, sources[index], tagged, suggested, found, 2 * found - 1)


def _sure(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return per tag the mean probability of its pictures; infinity where they are too few."""
    count = truth.sum(axis=0)
    total = np.where(truth, probabilities, 0.0).sum(axis=0)
    return np.where(count >= _FEWEST, total / np.maximum(count, 1), np.inf)
