# SPDX-License-Identifier: Apache-2.0
"""Which untagged pictures to tag next: those that the model is unsure of, no two alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["next_to_tag", "uncertainty"]

_LEAST = 1e-6  # certain pictures still have an order among them: the farthest first


def next_to_tag(
    probabilities: NDArray[np.floating],
    features: NDArray[np.floating],
    count: int,
    *,
    task: Literal["multiclass", "multilabel"] = "multiclass",
    tagged: NDArray[np.floating] | None = None,
) -> tuple[int, ...]:
    """Choose pictures whose tags would teach the model most.

    One after another, the picture with the largest product of its uncertainty and its distance to
    the nearest one that is chosen or tagged. This joins the margin (T. Scheffer et al., 2001) with
    the greedy k-centre of O. Sener and S. Savarese, Active Learning for Convolutional Neural
    Networks: A Core-Set Approach, ICLR 2018: uncertain pictures alone are often ten of a kind.

    Args:
        probabilities: Shape (n, labels), 0 to 1.
        features: What pictures are compared by, shape (n, features); only directions count.
        count: How many to choose.
        task: Whether tags exclude one another.
        tagged: The features of pictures that have tags already, shape (m, features).

    Returns:
        The rows of at most ``count`` pictures, the most useful first.

    Raises:
        ValueError: Shapes do not match, or ``count`` is negative.
    """
    if probabilities.ndim != 2 or features.ndim != 2 or len(probabilities) != len(features):
        raise ValueError(
            f"probabilities have shape {probabilities.shape} and features {features.shape}; they "
            "must be (n, labels) and (n, features)"
        )
    if count < 0:
        raise ValueError(f"count is {count}; it must be at least 0")
    weights = np.maximum(uncertainty(probabilities, task), _LEAST)
    directions = _directions(features)
    nearest = np.ones(len(directions))
    if tagged is not None and len(tagged):
        nearest = (1 - directions @ _directions(tagged).T).min(axis=1)
    chosen: list[int] = []
    left = np.ones(len(directions), bool)
    while len(chosen) < min(count, len(directions)):
        best = int(np.where(left, weights * np.maximum(nearest, _LEAST), -1.0).argmax())
        chosen.append(best)
        left[best] = False
        nearest = np.minimum(nearest, 1 - directions @ directions[best])
    return tuple(chosen)


def uncertainty(
    probabilities: NDArray[np.floating], task: Literal["multiclass", "multilabel"] = "multiclass"
) -> NDArray[np.float64]:
    """Return how unsure a model is of each picture, 0 (certain) to 1, shape (n,).

    For multiclass, 1 less the margin between the two most probable tags; for multilabel, how near
    the most doubtful tag is to 50 %.

    Args:
        probabilities: Shape (n, labels), 0 to 1.
        task: Whether tags exclude one another.
    """
    probabilities = probabilities.astype(np.float64)
    if not probabilities.shape[1]:
        return np.zeros(len(probabilities))
    if task == "multilabel" or probabilities.shape[1] == 1:
        doubtful: NDArray[np.float64] = (1 - np.abs(2 * probabilities - 1)).max(axis=1)
        return doubtful
    ordered = np.sort(probabilities, axis=1)
    margins: NDArray[np.float64] = 1 - (ordered[:, -1] - ordered[:, -2])
    return margins


def _directions(features: NDArray[np.floating]) -> NDArray[np.float64]:
    features = features.astype(np.float64)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = features / np.maximum(lengths, np.finfo(np.float64).tiny)
    return scaled
