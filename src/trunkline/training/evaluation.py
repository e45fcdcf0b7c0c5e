# SPDX-License-Identifier: Apache-2.0
"""How well a classifier tells pictures whose tags are known: as the service reports it, and more.

Only arrays come in, so that it is all the same whether a finished model was asked or one was
trained for each fold. scikit-learn is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal

import numpy as np

from trunkline.training.calibration_curve import Calibration, calibration_curve
from trunkline.training.figures import Evaluation, Figure, TagFigures
from trunkline.training.labelerrors import find_doubts
from trunkline.training.metrics import (
    Ranking,
    binarised,
    precision,
    ratio,
    recall,
    wilson_interval,
)
from trunkline.training.mistakes import confusion_matrix, confusions, find_mistakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["DEFAULT_THRESHOLD", "Evaluation", "evaluate"]

DEFAULT_THRESHOLD = 0.5
"""The least probability that counts as a prediction, as the service's portal has it."""

_STEPS = tuple(round(step / 20, 2) for step in range(1, 20))


def evaluate(  # noqa: PLR0913 - what an evaluation is of
    probabilities: NDArray[np.floating],
    truth: NDArray[np.bool_],
    labels: Sequence[str],
    *,
    task: Literal["multiclass", "multilabel"],
    threshold: float = DEFAULT_THRESHOLD,
    folds: NDArray[np.integer] | None = None,
    sources: Sequence[str],
) -> Evaluation:
    """Evaluate a classifier's answers.

    Args:
        probabilities: What it answered, shape (n, labels), 0 to 1; for pictures that it was not
            trained on, or else it says nothing.
        truth: The pictures' tags, shape (n, labels); for multiclass, one true per row.
        labels: The tags' names.
        task: ``"multiclass"`` or ``"multilabel"``.
        threshold: The least probability that counts as a prediction, 0 to 1.
        folds: Which fold each picture was held out in, shape (n,); the spread is over them.
        sources: Where the pictures came from, n of them.

    Raises:
        ValueError: Shapes do not match, or values are out of range.
    """
    _check_shapes(probabilities, truth, folds, (len(sources), len(labels)))
    _check_values(probabilities, truth, task, threshold)
    answers = _Answers(probabilities, truth.astype(bool), task == "multiclass", threshold, folds)
    return _evaluation(answers, labels, sources)


def _evaluation(answers: _Answers, labels: Sequence[str], sources: Sequence[str]) -> Evaluation:
    probabilities, truth, threshold = answers.probabilities, answers.truth, answers.threshold
    exclusive = answers.exclusive
    steps = sorted({*_STEPS, threshold})
    ranking = Ranking.of(truth, probabilities)
    tags = tuple(_tag(answers, column, name, steps) for column, name in enumerate(labels))
    matrix = confusion_matrix(probabilities, truth) if exclusive else _NO_MATRIX
    right = int(answers.right().sum())
    return Evaluation(
        task="multiclass" if exclusive else "multilabel",
        threshold=threshold,
        labels=tuple(labels),
        pictures=len(truth),
        folds=len(answers.folds()),
        right=right,
        accuracy=answers.figure(lambda some: ratio(int(some.right().sum()), len(some.truth))),
        accuracy_interval=wilson_interval(right, len(truth)),
        precision=answers.figure(lambda some: precision(some.truth, some.said())),
        recall=answers.figure(lambda some: recall(some.truth, some.said())),
        average_precision=answers.figure(_mean_average_precision),
        tags=tags,
        sweep=ranking.sweep(steps),
        curve=ranking.curve(),
        confusion_matrix=tuple(map(tuple, matrix.tolist())),
        confusions=confusions(matrix, labels),
        calibration=_calibration(answers),
        mistakes=find_mistakes(
            probabilities, truth, labels, sources, None if exclusive else threshold
        ),
        doubts=find_doubts(probabilities, truth, labels, sources, exclusive=exclusive),
    )


_NO_MATRIX = np.zeros((0, 0), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Some pictures, or one column of them, with what was said of them."""

    probabilities: NDArray[np.floating]
    truth: NDArray[np.bool_]
    exclusive: bool
    threshold: float
    fold: NDArray[np.integer] | None

    def said(self) -> NDArray[np.bool_]:
        return binarised(self.probabilities, self.threshold)

    def right(self) -> NDArray[np.bool_]:
        """Return whether each picture was told right, shape (n,)."""
        if not self.exclusive:
            same: NDArray[np.bool_] = (self.said() == self.truth).all(axis=1)
            return same
        if not len(self.truth):
            return np.zeros(0, bool)
        told: NDArray[np.bool_] = self.truth[
            np.arange(len(self.truth)), self.probabilities.argmax(axis=1)
        ]
        return told

    def folds(self) -> list[int]:
        return [] if self.fold is None else np.unique(self.fold).tolist()

    def column(self, number: int) -> _Answers:
        part = slice(number, number + 1)
        return _Answers(
            self.probabilities[:, part],
            self.truth[:, part],
            exclusive=False,
            threshold=self.threshold,
            fold=self.fold,
        )

    def figure(self, measure: Callable[[_Answers], float | None]) -> Figure:
        """Measure over all pictures, and over each fold."""
        measured = [measure(self._of_fold(fold)) for fold in self.folds()]
        defined = [each for each in measured if each is not None]
        return Figure(
            measure(self),
            fmean(defined) if defined else None,
            stdev(defined) if len(defined) > 1 else None,
        )

    def _of_fold(self, fold: int) -> _Answers:
        rows = self.fold == fold
        return _Answers(
            self.probabilities[rows], self.truth[rows], self.exclusive, self.threshold, None
        )


def _tag(answers: _Answers, column: int, name: str, steps: Iterable[float]) -> TagFigures:
    one = answers.column(column)
    ranking, said = Ranking.of(one.truth, one.probabilities), one.said()
    return TagFigures(
        name=name,
        pictures=ranking.positives,
        predicted=int(said.sum()),
        found=int((said & one.truth).sum()),
        precision=one.figure(lambda some: precision(some.truth, some.said())),
        recall=one.figure(lambda some: recall(some.truth, some.said())),
        average_precision=one.figure(_average_precision),
        curve=ranking.curve(),
        sweep=ranking.sweep(tuple(steps)),
    )


def _average_precision(answers: _Answers) -> float | None:
    return Ranking.of(answers.truth, answers.probabilities).average_precision()


def _mean_average_precision(answers: _Answers) -> float | None:
    """Return the mean over the tags that pictures have, as the portal's mAP."""
    columns = range(answers.truth.shape[1])
    found = [_average_precision(answers.column(column)) for column in columns]
    defined = [each for each in found if each is not None]
    return fmean(defined) if defined else None


def _calibration(answers: _Answers) -> Calibration:
    if answers.exclusive:
        best = answers.probabilities.max(axis=1, initial=0)
        return calibration_curve(best, answers.right())
    return calibration_curve(answers.probabilities.ravel(), answers.truth.ravel())


def _check_values(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_], task: str, threshold: float
) -> None:
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it must be between 0 and 1")
    # Rounding in a softmax may go a hair beyond 1; NaN is in no range.
    if not np.all((probabilities >= 0) & (probabilities <= 1 + 1e-5)):
        raise ValueError("probabilities must be between 0 and 1")
    if task not in ("multiclass", "multilabel"):
        raise ValueError(f"task is {task!r}; it must be 'multiclass' or 'multilabel'")
    if task == "multiclass" and not np.all(truth.sum(axis=1) == 1):
        raise ValueError("for multiclass, every row of truth must have exactly one true")


def _check_shapes(
    probabilities: NDArray[np.floating],
    truth: NDArray[np.bool_],
    folds: NDArray[np.integer] | None,
    shape: tuple[int, int],
) -> None:
    if probabilities.shape != shape or truth.shape != shape:
        raise ValueError(
            f"probabilities have shape {probabilities.shape} and truth {truth.shape}; for "
            f"{shape[0]} sources and {shape[1]} labels both must have {shape}"
        )
    if not shape[1]:
        raise ValueError("there are no labels, so there is nothing to evaluate")
    if folds is not None and folds.shape != shape[:1]:
        raise ValueError(f"folds have shape {folds.shape}; they must have {shape[:1]}")
