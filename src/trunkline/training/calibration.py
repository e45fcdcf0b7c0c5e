# SPDX-License-Identifier: Apache-2.0
"""How sure a head may be: a temperature found on pictures it was not trained on.

Guo et al., 2017, "On Calibration of Modern Neural Networks". One number for all tags: it changes
no answer of a multiclass model, and few pictures are enough to find it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Activation = Literal["softmax", "sigmoid"]

__all__ = ["find_sharpness", "losses", "probabilities"]

_BOUND = 7.0
"""Sharpness is sought between exp(-7) and exp(7)."""

_PRIOR = 0.01
"""How strongly no change is preferred: where every held-out picture is right, the sharpest answer
would be best without it, and a head would never doubt."""


def probabilities(logits: Array, activation: Activation) -> Array:
    """Return what a head's activation makes of logits, shape (pictures, labels)."""
    made: Array = softmax(logits, axis=1) if activation == "softmax" else expit(logits)
    return made


def losses(logits: Array, truth: NDArray[np.bool_], activation: Activation) -> Array:
    """Return each picture's negative log likelihood in nats, shape (pictures,).

    Args:
        logits: float64 array of shape (pictures, labels).
        truth: bool array of the same shape.
        activation: ``"softmax"`` looks at a picture's one tag, ``"sigmoid"`` takes the mean over
            all labels.
    """
    if activation == "softmax":
        found: Array = -log_softmax(logits, axis=1)[truth]
        return found
    mean: Array = -np.where(truth, log_expit(logits), log_expit(-logits)).mean(axis=1)
    return mean


def find_sharpness(logits: Array, truth: NDArray[np.bool_], activation: Activation) -> float:
    """Return what to multiply logits by, the inverse of the temperature.

    Args:
        logits: float64 array of shape (pictures, labels), of pictures that were held out.
        truth: bool array of the same shape.
        activation: The head's.
    """

    def cost(power: float) -> float:
        found = losses(np.exp(power) * logits, truth, activation).mean()
        return float(found) + _PRIOR * power**2

    found = minimize_scalar(cost, bounds=(-_BOUND, _BOUND), method="bounded")
    return float(np.exp(found.x))
