# SPDX-License-Identifier: Apache-2.0
"""The functions that turn logits into probabilities, for any finite or infinite input.

Both keep the floating type they are given, pass NaN on, and never overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "sigmoid", "softmax"]

Floats = NDArray[np.floating[Any]]

# exp(88) is the last whole power that float32 holds (its logarithm ends at 88.72).
_SIGMOID_LIMIT = 88.0
# Small enough that the difference of two clipped logits is a float32; infinities become equals.
_SOFTMAX_LIMIT = 1e30


def sigmoid(logits: Floats) -> Floats:
    """Return ``1 / (1 + exp(-x))`` of each element, 0 to 1.

    Args:
        logits: float32 or float64 array; values beyond 88 count as 88, on either side.
    """
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -_SIGMOID_LIMIT, _SIGMOID_LIMIT)))


def softmax(logits: Floats) -> Floats:
    """Return the softmax over the last axis, 0 to 1.

    Args:
        logits: float32 or float64 array with at least one element on the last axis; values beyond
            1e30 count as 1e30, on either side. One NaN makes its whole row NaN.
    """
    finite = np.clip(logits, -_SOFTMAX_LIMIT, _SOFTMAX_LIMIT)
    powers = np.exp(finite - finite.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares
