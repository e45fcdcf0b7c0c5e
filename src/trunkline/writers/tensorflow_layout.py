# SPDX-License-Identifier: Apache-2.0
"""How a step's tensor lies in TensorFlow, which keeps channels last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from trunkline.writers.steps import Step

__all__ = ["FIRST", "LAST", "Held", "Tensor", "first", "hold", "last", "lies_at"]

Tensor = Any
"""A tensor of TensorFlow's, which has no types."""

LAST = (0, 2, 3, 1)
"""The order of axes that brings the channels to the end."""
FIRST = (0, 3, 1, 2)
"""The order of axes that brings them to the front again."""


class Held(NamedTuple):
    """A tensor, and how it lies.

    Attributes:
        value: TensorFlow's tensor.
        shape: The step's, which has channels on axis 1 if it has any.
        last: Whether the value has them last all the same.
    """

    value: Tensor
    shape: tuple[int, ...]
    last: bool = False


def hold(step: Step, value: Tensor, *, last: bool = False) -> Held:
    """Return what a step gives, with its shape."""
    return Held(value, step.shape, last)


def last(tf: ModuleType, held: Held) -> Held:
    """Return a tensor of four axes with the channels last."""
    return held if held.last else Held(tf.transpose(held.value, LAST), held.shape, last=True)


def first(tf: ModuleType, held: Held) -> Held:
    """Return a tensor with its axes as the step has them."""
    return Held(tf.transpose(held.value, FIRST), held.shape) if held.last else held


def lies_at(held: Held, axes: Sequence[int]) -> list[int]:
    """Return where axes of the step lie in the value."""
    return [LAST.index(axis) if held.last else axis for axis in axes]
