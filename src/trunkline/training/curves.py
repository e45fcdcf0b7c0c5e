# SPDX-License-Identifier: Apache-2.0
"""The learning curve: how good a head is after more and more pictures, and what more would bring.

Measured first. It is carried on as a power law, error = a n^-b, as errors fall with data (J.
Hestness et al., Deep Learning Scaling is Predictable, Empirically, 2017, arXiv 1712.00409; R. L.
Figueroa et al., Predicting sample size required for classification performance, BMC Medical
Informatics and Decision Making 12, 2012), but only where the measured points lie on one, and not
far beyond them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trunkline.training.metrics import Ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Predict = Callable[[NDArray[np.floating]], NDArray[np.floating]]
    Fit = Callable[[NDArray[np.floating], NDArray[np.bool_]], Predict]

__all__ = ["Forecast", "LearningCurve", "LearningPoint", "forecast", "learning_curve"]

_HELD_OUT = 0.25
_FEWEST_POINTS = 4
_LEAST_FIT = 0.8  # the share of the points' variance that the power law explains
_MULTIPLES = (2, 4)


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """How good heads are that were trained on so many pictures.

    Attributes:
        pictures: How many, all tags together.
        score: The mean score over the repeats, 0 to 1, on pictures held out.
        deviation: Its standard deviation over the repeats; None for a single one.
    """

    pictures: int
    score: float
    deviation: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A power law through the measured errors.

    Attributes:
        scale: ``a`` of ``error = a n^-b``.
        exponent: ``b``.
        explained: The share of the variance of log(error) that it explains (R squared).
        points: What it says of two and four times as many pictures as were measured.
    """

    scale: float
    exponent: float
    explained: float
    points: tuple[LearningPoint, ...]


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """What more pictures would bring.

    Attributes:
        measure: ``"balanced accuracy"`` (multiclass: the mean over tags of the share of their
            pictures that is told right) or ``"mean average precision"`` (multilabel).
        points: Measured, with ever more pictures; none where there are too few to hold any out.
        forecast: Where it may lead; None where the points lie on no power law.
        because: Why there is no forecast, as a sentence; empty where there is one.
    """

    measure: str
    points: tuple[LearningPoint, ...]
    forecast: Forecast | None
    because: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def learning_curve(  # noqa: PLR0913 - all but three have defaults
    fit: Fit,
    features: NDArray[np.floating],
    targets: NDArray[np.bool_],
    *,
    task: Literal["multiclass", "multilabel"] = "multiclass",
    steps: int = 5,
    repeats: int = 5,
    seed: int = 0,
) -> LearningCurve:
    """Train on ever more of the pictures, and measure on others.

    A quarter of the pictures is held out in each repeat, evenly over the tags. The smaller sets
    are parts of the larger ones, so that the curve shows the pictures' number and not their luck.

    Args:
        fit: Takes features and tags as below, of some of the pictures; returns what takes features
            and gives probabilities of shape (n, labels).
        features: Shape (n, ...), one row per picture.
        targets: The tags, shape (n, labels); for multiclass, one true per row.
        task: ``"multiclass"`` or ``"multilabel"``.
        steps: At how many sizes to measure, evenly spaced by their ratio.
        repeats: How many times to split.
        seed: Of the random splits. Same seed, same curve.
    """
    random = np.random.default_rng(seed)
    scores: dict[int, list[float]] = {}
    for _ in range(repeats):
        order, held = _split(targets, random)
        for size in _sizes(targets, len(order), steps):
            predict = fit(features[order[:size]], targets[order[:size]])
            score = _score(predict(features[held]), targets[held], task)
            if score is not None:
                scores.setdefault(size, []).append(score)
    points = tuple(
        LearningPoint(size, fmean(each), stdev(each) if len(each) > 1 else None)
        for size, each in sorted(scores.items())
    )
    found, because = forecast(points)
    measure = "balanced accuracy" if task == "multiclass" else "mean average precision"
    return LearningCurve(measure, points, found, because)


def forecast(points: Sequence[LearningPoint]) -> tuple[Forecast | None, str]:
    """Fit a power law to measured errors; return None and why where they lie on none."""
    if len(points) < _FEWEST_POINTS:
        return None, "There are too few pictures to say what more of them would bring."
    errors = [1 - point.score for point in points]
    if min(errors) <= 0:
        return None, "At some size no picture was told wrongly; harder pictures would show more."
    sizes = np.log([point.pictures for point in points])
    logs = np.log(errors)
    slope, intercept = np.polyfit(sizes, logs, 1)
    left, all_of_it = ((logs - slope * sizes - intercept) ** 2).sum(), logs.var() * len(logs)
    explained = 1 - left / all_of_it if all_of_it > 0 else 0.0
    if slope >= 0 or explained < _LEAST_FIT:
        return None, "The measured points do not lie on a curve that could be carried on."
    # The standard error of a regression's prediction, which grows beyond the measured points.
    off = math.sqrt(left / (len(points) - 2))
    spread = ((sizes - sizes.mean()) ** 2).sum()
    later = []
    for times in _MULTIPLES:
        beyond = math.log(points[-1].pictures * times) - sizes.mean()
        error = off * math.sqrt(1 + 1 / len(points) + beyond**2 / spread)
        later.append(_later(points[-1].pictures * times, slope, intercept, error))
    return Forecast(math.exp(intercept), -float(slope), float(explained), tuple(later)), ""


def _later(pictures: int, slope: float, intercept: float, off: float) -> LearningPoint:
    error = math.exp(intercept + slope * math.log(pictures))
    return LearningPoint(pictures, 1 - error, error * math.expm1(off))


def _split(
    targets: NDArray[np.bool_], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to train on, of which every beginning is even over the tags, and the rest."""
    kinds = _kinds(targets)
    train, places, held = [], [], []
    for kind in np.unique(kinds):
        rows = random.permutation(np.flatnonzero(kinds == kind))
        # A picture alone of its kind is better known than asked for.
        out = max(1, round(len(rows) * _HELD_OUT)) if len(rows) > 1 else 0
        held.append(rows[:out])
        train.append(rows[out:])
        places.append(np.arange(len(rows) - out) / (len(rows) - out))
    if not train:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.argsort(np.concatenate(places), kind="stable")
    return np.concatenate(train)[order], np.concatenate(held)


def _kinds(targets: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rarest tag of each picture, by number; -1 for a picture without tags."""
    rarity = np.where(targets, targets.sum(axis=0), len(targets) + 1)
    kinds: NDArray[np.int64] = np.where(targets.any(axis=1), rarity.argmin(axis=1), -1)
    return kinds


def _sizes(targets: NDArray[np.bool_], largest: int, steps: int) -> list[int]:
    """Return sizes from about two pictures per tag to all, evenly spaced by their ratio."""
    smallest = 2 * targets.shape[1]
    if largest < smallest:
        return []
    sizes = np.geomspace(smallest, largest, steps).round().astype(int).tolist()
    return sorted(set(sizes))


def _score(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_], task: str
) -> float | None:
    if task == "multilabel":
        columns = range(truth.shape[1])
        found = [
            Ranking.of(truth[:, each], probabilities[:, each]).average_precision()
            for each in columns
        ]
        defined = [each for each in found if each is not None]
        return fmean(defined) if defined else None
    if not len(truth):
        return None
    right = truth[np.arange(len(truth)), probabilities.argmax(axis=1)]
    present = np.flatnonzero(truth.any(axis=0))
    return fmean(float(right[truth[:, each]].mean()) for each in present)
