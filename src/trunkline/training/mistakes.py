# SPDX-License-Identifier: Apache-2.0
"""Which pictures were told wrongly, and what was taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trunkline.training.figures import Confusion, Mistake, Said
from trunkline.training.metrics import binarised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["confusion_matrix", "confusions", "find_mistakes", "most_probable"]

_SHOWN = 3


def confusion_matrix(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Count pictures by the tag they have (row) and the most probable one (column).

    Args:
        probabilities: Shape (n, labels).
        truth: Shape (n, labels), one true per row.

    Returns:
        Shape (labels, labels).
    """
    labels = truth.shape[1]
    matrix = np.zeros((labels, labels), np.int64)
    if len(truth):
        np.add.at(matrix, (truth.argmax(axis=1), probabilities.argmax(axis=1)), 1)
    return matrix


def confusions(matrix: NDArray[np.int64], labels: Sequence[str]) -> tuple[Confusion, ...]:
    """Return what is off the diagonal of a confusion matrix, the most frequent first."""
    off = matrix - np.diag(np.diag(matrix))
    found = [
        Confusion(labels[row], labels[column], int(off[row, column]))
        for row, column in np.argwhere(off).tolist()
    ]
    return tuple(sorted(found, key=lambda each: -each.count))


def find_mistakes(
    probabilities: NDArray[np.floating],
    truth: NDArray[np.bool_],
    labels: Sequence[str],
    sources: Sequence[str],
    threshold: float | None,
) -> tuple[Mistake, ...]:
    """Return the pictures that were told wrongly, the worst first.

    Args:
        probabilities: Shape (n, labels), 0 to 1.
        truth: The tags, shape (n, labels).
        labels: The tags' names.
        sources: Where the pictures came from, n of them.
        threshold: The least probability that counts as a prediction; None where the most probable
            tag is the answer, and only that.
    """
    if threshold is None:
        found = _confused(probabilities, truth)
    else:
        found = _off(probabilities, truth, threshold)
    mistakes = [
        Mistake(index, sources[index], _names(truth[index], labels), said, error)
        for index, columns, error in found
        for said in [tuple(Said(labels[c], float(probabilities[index, c])) for c in columns)]
    ]
    return tuple(sorted(mistakes, key=lambda each: (-each.error, each.index)))


def most_probable(row: NDArray[np.floating], labels: Sequence[str]) -> tuple[Said, ...]:
    """Return the most probable tags of one picture, at most three, from most to least probable."""
    return tuple(Said(labels[column], float(row[column])) for column in _ranked(row))


def _confused(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_]
) -> list[tuple[int, list[int], float]]:
    said, tagged, rows = probabilities.argmax(1), truth.argmax(1), np.arange(len(truth))
    errors = 1 - probabilities[rows, tagged].astype(np.float64)
    wrong = np.flatnonzero(said != tagged).tolist()
    return [(row, _ranked(probabilities[row]), float(errors[row])) for row in wrong]


def _off(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_], threshold: float
) -> list[tuple[int, list[int], float]]:
    wrong = binarised(probabilities, threshold) != truth
    errors = np.where(wrong, np.abs(probabilities.astype(np.float64) - truth), -1.0)
    return [
        (row, [c for c in _ranked(errors[row]) if wrong[row, c]], float(errors[row].max()))
        for row in np.flatnonzero(wrong.any(axis=1)).tolist()
    ]


def _ranked(values: NDArray[np.floating]) -> list[int]:
    order: list[int] = np.argsort(-values, kind="stable")[:_SHOWN].tolist()
    return order


def _names(row: NDArray[np.bool_], labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(labels[column] for column in np.flatnonzero(row).tolist())
