# SPDX-License-Identifier: Apache-2.0
"""Finding the least of a smooth function, of many numbers or of one.

SciPy does the same. But importing it takes longer than fitting a head to a hundred pictures, and
its solvers spend most of their time on what such functions, which are convex, don't need.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Loss = Callable[[Array], tuple[float, Array]]
    # A step, what it changed of the slope, and their product's inverse.
    Pair = tuple[Array, Array, float]

__all__ = ["least", "least_between"]

_REMEMBERED = 20
"""How many steps say how the slope changes. More cost time, fewer need more steps."""

_ENOUGH = 1e-4
"""A step has to gain this share of what the slope promises (Armijo, 1966)."""

_HALVINGS = 40
"""After so many, rounding is all that is left to gain."""

_STRAIGHT = float(np.finfo(np.float64).eps)
"""A function that bends no more than rounding does says nothing about where it is least."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def least(
    loss: Loss, start: Array, *, most_steps: int, close_enough: float, flat_enough: float
) -> Array:
    """Return where a convex function is least, by L-BFGS.

    J. Nocedal, Updating Quasi-Newton Matrices with Limited Storage, 1980; the two loops are
    algorithm 7.4 of Nocedal and Wright, Numerical Optimization, 2006. Steps are only ever made
    shorter: where a function bends upwards everywhere, any step tells how much.

    Args:
        loss: Gives a value, and the slope there, of the same shape as ``start``.
        start: Where to begin, shape (n,).
        most_steps: It ends after so many at the latest.
        close_enough: It ends where a step gains less than this share of the loss, or of 1.
        flat_enough: It ends where no element of the slope is larger.
    """
    at = start
    value, slope = loss(at)
    pairs: deque[Pair] = deque(maxlen=_REMEMBERED)
    for _ in range(most_steps):
        if np.abs(slope).max(initial=0.0) <= flat_enough:
            break
        before = value, slope
        step, value, slope = _step(loss, at, before, _downhill(slope, pairs))
        at = at + step
        if before[0] - value <= close_enough * max(abs(before[0]), abs(value), 1.0):
            break
        change = slope - before[1]
        bend = float(step @ change)
        if bend > _STRAIGHT * float(change @ change):
            pairs.append((step, change, 1.0 / bend))
    return at


def _downhill(slope: Array, pairs: Iterable[Pair]) -> Array:
    """Return the step to where the slope would vanish, as far as past steps tell."""
    remembered = list(pairs)
    if not remembered:
        return -slope / max(1.0, float(np.linalg.norm(slope)))
    way, shares = -slope, []
    for step, change, inverse in reversed(remembered):
        shares.append(inverse * float(step @ way))
        way = way - shares[-1] * change
    step, change, inverse = remembered[-1]
    way *= 1.0 / (inverse * float(change @ change))
    for (step, change, inverse), share in zip(remembered, reversed(shares), strict=True):
        way += (share - inverse * float(change @ way)) * step
    return way


def _step(
    loss: Loss, at: Array, before: tuple[float, Array], way: Array
) -> tuple[Array, float, Array]:
    """Return a step along a way that gains enough, and the loss behind it; or none at all."""
    promised = float(before[1] @ way)
    length = 1.0
    for _ in range(_HALVINGS):
        step = length * way
        value, slope = loss(at + step)
        if value <= before[0] + _ENOUGH * length * promised:
            return step, value, slope
        # The least of the parabola through both values with the slope at the first.
        bend = value - before[0] - length * promised
        length *= min(max(-promised * length / (2 * bend), 0.1), 0.5)
    return np.zeros_like(at), *before


def least_between(cost: Callable[[float], float], low: float, high: float, within: float) -> float:
    """Return where a function with one valley is least, by golden sections (Kiefer, 1953).

    Args:
        cost: The function.
        low: Where to begin to look.
        high: Where to end.
        within: How exact the answer is.
    """
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = cost(left), cost(right)
    while high - low > within:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = cost(right)
    return (low + high) / 2
