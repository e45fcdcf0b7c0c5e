# SPDX-License-Identifier: Apache-2.0
"""How sure a head may be: a temperature found on pictures it was not trained on.

Guo et al., 2017, "On Calibration of Modern Neural Networks". One number for all tags: it changes
no answer of a multiclass model, and few pictures are enough to find it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trunkline.training.minimising import least_between

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Activation = Literal["softmax", "sigmoid"]

__all__ = ["find_sharpness", "losses", "probabilities"]

_BOUND = 7.0
"""Sharpness is sought between exp(-7) and exp(7)."""

_WITHIN = 1e-5
"""How exactly the power is found: sharpness to five digits."""

_PRIOR = 0.01
"""How strongly no change is preferred: where every held-out picture is right, the sharpest answer
would be best without it, and a head would never doubt."""


def probabilities(logits: Array, activation: Activation) -> Array:
    """Return what a head's activation makes of logits, shape (pictures, labels)."""
    return np.exp(_log_softmax(logits) if activation == "softmax" else _log_sigmoid(logits))


def losses(logits: Array, truth: NDArray[np.bool_], activation: Activation) -> Array:
    """Return each picture's negative log likelihood in nats, shape (pictures,).

    Args:
        logits: float64 array of shape (pictures, labels).
        truth: bool array of the same shape.
        activation: ``"softmax"`` looks at a picture's one tag, ``"sigmoid"`` takes the mean over
            all labels.
    """
    if activation == "softmax":
        return -_log_softmax(logits)[truth]
    mean: Array = -_log_sigmoid(np.where(truth, logits, -logits)).mean(axis=1)
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

    return float(np.exp(least_between(cost, -_BOUND, _BOUND, _WITHIN)))


def _log_softmax(logits: Array) -> Array:
    below = logits - logits.max(axis=1, keepdims=True)
    found: Array = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return found


def _log_sigmoid(logits: Array) -> Array:
    found: Array = -np.logaddexp(0.0, -logits)
    return found
