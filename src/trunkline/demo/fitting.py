# SPDX-License-Identifier: Apache-2.0
"""Softmax regression: one dense layer, fitted on features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Dense", "fit"]

_PENALTY = 1e-3
_STEPS = 200


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer.

    Attributes:
        weights: float32 of shape (features, classes).
        bias: float32 of shape (classes,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one logit per class: (pictures, features) in, (pictures, classes) out."""
        return features @ self.weights + self.bias


def fit(features: NDArray[np.float32], classes: NDArray[np.intp], count: int) -> Dense:
    """Fit a softmax regression with a quadratic penalty.

    Nesterov's accelerated gradient on features scaled to mean 0 and deviation 1; the step is one
    over the Lipschitz constant of the gradient, for which Boehning's bound (1992) on the softmax's
    curvature, one half, is used. The scaling is folded into the returned layer.

    Args:
        features: float32 of shape (pictures, features).
        classes: The right class of each picture, 0 to ``count - 1``.
        count: How many classes there are.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    scaled = np.column_stack([(features - mean) / deviation, np.ones(len(features), np.float32)])
    found = _minimise(scaled, np.eye(count, dtype=np.float32)[classes])
    weights = found[:-1] / deviation[:, None]
    return Dense(weights.astype(np.float32), (found[-1] - mean @ weights).astype(np.float32))


def _minimise(scaled: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    pictures = len(scaled)
    steepest = np.linalg.eigvalsh(scaled @ scaled.T)[-1] / (2 * pictures) + _PENALTY
    here = ahead = np.zeros((scaled.shape[1], wanted.shape[1]), np.float32)
    for i in range(_STEPS):
        slope = scaled.T @ (_softmax(scaled @ ahead) - wanted) / pictures + _PENALTY * ahead
        before, here = here, ahead - slope / steepest
        ahead = here + i / (i + 3) * (here - before)
    return here


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    answer: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return answer
