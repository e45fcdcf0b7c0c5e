# SPDX-License-Identifier: Apache-2.0
"""Convolutions and pools in TensorFlow's words: what looks at a picture through windows.

TensorFlow pads a window's picture in its own way ("SAME") or not at all ("VALID"). What is padded
in any other way is padded by a step of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from trunkline.writers.tensorflow_layout import Held, Tensor, hold, last
from trunkline.writers.vocabulary import NotSayableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from trunkline.writers.steps import Step

__all__ = ["convolution", "group_convolution", "pool"]

_NO_GAPS = (1, 1)


class _Padded(NamedTuple):
    """A picture, and TensorFlow's word for how it is padded from there on."""

    picture: Tensor
    padding: str
    by_a_step: bool = False


def convolution(tf: ModuleType, step: Step, inputs: tuple[Held, NDArray[Any]]) -> Held:
    """Say a convolution; weights (out, in, rows, columns)."""
    data, weights = inputs
    padded = _padded(tf, step, last(tf, data), weights.shape[2:])
    return hold(step, _convolved(tf, step, padded, weights, step.name), last=True)


def group_convolution(tf: ModuleType, step: Step, inputs: tuple[Held, NDArray[Any]]) -> Held:
    """Say a convolution in groups; weights (groups, out / groups, in / groups, rows, columns)."""
    data, weights = inputs
    padded = _padded(tf, step, last(tf, data), weights.shape[3:])
    strides = step.attributes["strides"]
    # What TensorFlow computes everywhere: one channel per group, the same stride both ways.
    if weights.shape[2] == 1 and strides[0] == strides[1] and _has_no_gaps(step):
        made = tf.raw_ops.DepthwiseConv2dNative(
            input=padded.picture,
            filter=weights[:, :, 0].transpose(2, 3, 0, 1),
            strides=[1, *strides, 1],
            padding=padded.padding,
            name=step.name,
        )
        return hold(step, made, last=True)
    parts = tf.split(padded.picture, len(weights), axis=3, name=f"{step.name}_groups")
    answers = [
        _convolved(tf, step, padded._replace(picture=part), group, f"{step.name}_group")
        for part, group in zip(parts, weights, strict=True)
    ]
    return hold(step, tf.concat(answers, axis=3, name=step.name), last=True)


def _convolved(
    tf: ModuleType, step: Step, padded: _Padded, weights: NDArray[Any], name: str
) -> Tensor:
    return tf.raw_ops.Conv2D(
        input=padded.picture,
        filter=weights.transpose(2, 3, 1, 0),
        strides=[1, *step.attributes["strides"], 1],
        dilations=[1, *step.attributes["dilations"], 1],
        padding=padded.padding,
        name=name,
    )


def pool(tf: ModuleType, step: Step, inputs: tuple[Held]) -> Held:
    """Say a maximum or average pool."""
    (data,) = inputs
    if not _has_no_gaps(step):
        raise NotSayableError(step.kind)
    is_maximum, kernel = step.kind == "MaxPool", step.attributes["kernel"]
    padded = _padded(tf, step, last(tf, data), kernel, -math.inf if is_maximum else 0.0)
    windows = {
        "ksize": [1, *kernel, 1],
        "strides": [1, *step.attributes["strides"], 1],
        "padding": padded.padding,
        "name": step.name,
    }
    if is_maximum:
        return hold(step, tf.raw_ops.MaxPool(input=padded.picture, **windows), last=True)
    # TensorFlow leaves its own padding out of the mean, and counts that of another step.
    if padded.by_a_step and step.attributes["exclude_pad"]:
        raise NotSayableError(step.kind)
    return hold(step, tf.raw_ops.AvgPool(value=padded.picture, **windows), last=True)


def _has_no_gaps(step: Step) -> bool:
    return bool(step.attributes.get("dilations", _NO_GAPS) == _NO_GAPS)


def _padded(
    tf: ModuleType, step: Step, data: Held, kernel: Sequence[int], filling: float = 0.0
) -> _Padded:
    """Leave the padding to TensorFlow where it does the same, and do it by a step elsewhere."""
    attributes = step.attributes
    leaves_out = attributes.get("exclude_pad", True)
    if attributes["auto_pad"] == "same_upper" and leaves_out:
        return _Padded(data.value, "SAME")
    if attributes["auto_pad"] != "explicit":
        raise NotSayableError(step.kind)
    begin, end = attributes["pads_begin"], attributes["pads_end"]
    if not any([*begin, *end]):
        return _Padded(data.value, "VALID")
    if leaves_out and (begin, end) == _same(step, data.shape[2:], kernel):
        return _Padded(data.value, "SAME")
    paddings = [(0, 0), *zip(begin, end, strict=True), (0, 0)]
    # Zero is what TensorFlow pads with unless told otherwise, and its older operation takes.
    filled = {"constant_values": filling} if filling else {}
    picture = tf.pad(data.value, paddings, name=f"{step.name}_pad", **filled)
    return _Padded(picture, "VALID", by_a_step=True)


def _same(
    step: Step, size: Sequence[int], kernel: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return how far TensorFlow pads by itself: for one window per stride, the odd line last.

    Returns:
        None where the size varies, or other windows are asked for.
    """
    strides = step.attributes["strides"]
    dilations = step.attributes.get("dilations", _NO_GAPS)
    windows = tuple(-(-n // stride) for n, stride in zip(size, strides, strict=True))
    if -1 in size or windows != step.shape[2:]:
        return None
    totals = [
        max(0, (count - 1) * stride + dilation * (length - 1) + 1 - n)
        for count, stride, dilation, length, n in zip(
            windows, strides, dilations, kernel, size, strict=True
        )
    ]
    begin = tuple(total // 2 for total in totals)
    return begin, tuple(t - b for t, b in zip(totals, begin, strict=True))
