# SPDX-License-Identifier: Apache-2.0
"""The steps of a model in TensorFlow's words, built into the graph that is the default one.

TensorFlow keeps channels last. A tensor is held so where windows made it, and a transposition
between the two orders becomes a change of what is known about the tensor. Only operations with the
same values and the same constants are used, so that what is written reads back as the network it
was; all but two of them were there in 2018.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.errors import UnsupportedExportError
from trunkline.writers.steps import INPUT, refusal
from trunkline.writers.tensorflow_layout import (
    FIRST,
    LAST,
    Held,
    Tensor,
    first,
    hold,
    last,
    lies_at,
)
from trunkline.writers.tensorflow_windows import convolution, group_convolution, pool
from trunkline.writers.vocabulary import NotSayableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from trunkline.writers.steps import Step, Steps

    Word = Callable[[ModuleType, Step, Any], Held]

__all__ = ["say"]

_RELU6 = (0.0, 6.0)


def say(steps: Steps, picture: Tensor, tf: ModuleType) -> Tensor:
    """Build a model's steps.

    Args:
        steps: The model.
        picture: TensorFlow's tensor that the pictures go into.
        tf: TensorFlow.

    Returns:
        TensorFlow's tensor with the answer, its axes as the model has them.

    Raises:
        UnsupportedExportError: TensorFlow has no words for a step, or there are several outputs.
    """
    if len(steps.outputs) != 1:
        raise UnsupportedExportError(
            steps.source,
            f"it has {len(steps.outputs)} outputs; models of one output can be written.",
        )
    held = {INPUT: Held(picture, steps.shape)}
    for step in steps.steps:
        inputs = [held[taken] if isinstance(taken, str) else taken for taken in step.inputs]
        try:
            held[step.name] = _WORDS[step.kind](tf, step, inputs)
        except (KeyError, NotSayableError) as error:
            raise refusal(steps, step, "TensorFlow") from error
    return first(tf, held[steps.outputs[0]]).value


def _one(operation: str, tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    (data,) = inputs
    made = getattr(tf.raw_ops, operation)
    key = "features" if operation in {"Relu", "Relu6", "Elu", "Softplus"} else "x"
    return hold(step, made(**{key: data.value}, name=step.name), last=data.last)


def _clamp(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    low, high = bounds = step.attributes["minimum"], step.attributes["maximum"]
    if bounds == _RELU6:
        return _one("Relu6", tf, step, inputs)
    (data,) = inputs
    below = tf.minimum(data.value, np.float32(high), name=f"{step.name}_minimum")
    return hold(step, tf.maximum(below, np.float32(low), name=step.name), last=data.last)


def _elu(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    if step.attributes["alpha"] != 1:
        raise NotSayableError(step.kind)
    return _one("Elu", tf, step, inputs)


def _swish(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    (data,) = inputs
    beta = np.float32(step.attributes["beta"])
    scaled = data.value if beta == 1 else tf.multiply(data.value, beta)
    made = tf.multiply(data.value, tf.sigmoid(scaled), name=step.name)
    return hold(step, made, last=data.last)


def _hard_sigmoid(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    """``min(max(x + 3, 0), 6) / 6``, for HSwish times ``x`` before the division."""
    (data,) = inputs
    gate = tf.nn.relu6(tf.add(data.value, np.float32(3)))
    gate = tf.multiply(data.value, gate) if step.kind == "HSwish" else gate
    return hold(step, tf.multiply(gate, np.float32(1 / 6), name=step.name), last=data.last)


def _prelu(tf: ModuleType, step: Step, inputs: tuple[Held, NDArray[Any]]) -> Held:
    data, slope = inputs
    if slope.size == 1 and 0 <= slope.item() <= 1:
        made = tf.raw_ops.LeakyRelu(features=data.value, alpha=slope.item(), name=step.name)
        return hold(step, made, last=data.last)
    below = tf.minimum(data.value, np.float32(0), name=f"{step.name}_minimum")
    slopes = _constant(slope, len(step.shape), is_last=data.last)
    made = tf.add(tf.nn.relu(data.value), tf.multiply(below, slopes), name=step.name)
    return hold(step, made, last=data.last)


def _two(operation: str, tf: ModuleType, step: Step, inputs: Sequence[Any]) -> Held:
    """Say an operation on two tensors that are held in one way, or on one and a constant."""
    tensors, rank = [given for given in inputs if isinstance(given, Held)], len(step.shape)
    is_last = any(t.last for t in tensors) and all(len(t.shape) == rank for t in tensors)
    way = last if is_last else first
    x, y = (
        way(tf, given).value if isinstance(given, Held) else _constant(given, rank, is_last=is_last)
        for given in inputs
    )
    if operation == "Add" and is_last and getattr(y, "shape", ()) == (step.shape[1],):
        return hold(step, tf.raw_ops.BiasAdd(value=x, bias=y, name=step.name), last=True)
    made = getattr(tf.raw_ops, operation)(x=x, y=y, name=step.name)
    return hold(step, made, last=is_last)


def _constant(values: NDArray[Any], rank: int, *, is_last: bool) -> NDArray[Any]:
    """Return a constant so that it broadcasts with what is held in the same way."""
    values = values.reshape((1,) * (rank - values.ndim) + values.shape)
    values = values.transpose(LAST) if is_last else values
    # One value per channel is what TensorFlow's own layers store.
    return values.reshape(-1) if values.ndim and values.size == values.shape[-1] else values


def _transpose(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    (data,) = inputs
    order = step.attributes["order"]
    if order == (LAST if data.last else FIRST):
        return hold(step, data.value, last=not data.last)
    return hold(step, tf.transpose(first(tf, data).value, order, name=step.name))


def _reshape(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    """Say a reshape; between pictures of one pixel and rows no order of axes can be told."""
    (data,) = inputs
    becomes_pixel = len(step.shape) == 4 and step.shape[2:] == (1, 1)
    shape = [step.shape[i] for i in LAST] if becomes_pixel else list(step.shape)
    if -1 not in shape and data.shape[0] == shape[0] == 1:
        shape[0] = -1  # as many as there are pictures
    value = data.value if data.shape[2:] == (1, 1) else first(tf, data).value
    return hold(step, tf.reshape(value, shape, name=step.name), last=becomes_pixel)


def _concat(tf: ModuleType, step: Step, inputs: Sequence[Any]) -> Held:
    if not all(isinstance(given, Held) for given in inputs):
        raise NotSayableError(step.kind)
    way = last if any(given.last for given in inputs) else first
    parts = [way(tf, given) for given in inputs]
    (axis,) = lies_at(parts[0], [step.attributes["axis"]])
    made = tf.concat([part.value for part in parts], axis, name=step.name)
    return hold(step, made, last=parts[0].last)


def _slice(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    (data,) = inputs
    rank = len(step.shape)
    begin, size = [0] * rank, [-1] * rank
    attributes = step.attributes
    places = lies_at(data, attributes["axes"])
    for at, start, stop in zip(places, attributes["start"], attributes["stop"], strict=True):
        begin[at], size[at] = start, stop - start
    return hold(step, tf.slice(data.value, begin, size, name=step.name), last=data.last)


def _pad(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    (data,) = inputs
    order = LAST if data.last else range(len(step.shape))
    begin, end = step.attributes["begin"], step.attributes["end"]
    paddings = [(begin[axis], end[axis]) for axis in order]
    value = step.attributes["value"]
    filled = tf.pad(data.value, paddings, constant_values=value, name=step.name)
    return hold(step, filled, last=data.last)


def _reduce(operation: str, tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    (data,) = inputs
    axes, kept = step.attributes["axes"], step.attributes["keep_dims"]
    # What is left of a picture without its rows and columns lies in either order.
    data = data if kept or set(axes) >= {2, 3} else first(tf, data)
    made = getattr(tf, operation)(data.value, lies_at(data, axes), keepdims=kept, name=step.name)
    return hold(step, made, last=data.last and kept)


def _matmul(tf: ModuleType, step: Step, inputs: Sequence[Any]) -> Held:
    x, y = (first(tf, given).value if isinstance(given, Held) else given for given in inputs)
    made = tf.linalg.matmul(x, y, **step.attributes, name=step.name)
    return hold(step, made)


def _softmax(tf: ModuleType, step: Step, inputs: Sequence[Held]) -> Held:
    (data,) = inputs
    (axis,) = lies_at(data, [step.attributes["axis"]])
    return hold(step, tf.nn.softmax(data.value, axis, name=step.name), last=data.last)


_SAME_NAME = ("Relu", "Sigmoid", "Tanh", "Exp", "Sqrt", "Abs")
_WORDS: Mapping[str, Word] = {
    **{kind: partial(_one, kind) for kind in _SAME_NAME},
    **{kind: partial(_two, kind) for kind in ("Add", "Maximum", "Minimum")},
    "Subtract": partial(_two, "Sub"),
    "Multiply": partial(_two, "Mul"),
    "Divide": partial(_two, "RealDiv"),
    "Power": partial(_two, "Pow"),
    "SoftPlus": partial(_one, "Softplus"),
    "ReduceMean": partial(_reduce, "reduce_mean"),
    "ReduceMax": partial(_reduce, "reduce_max"),
    "ReduceSum": partial(_reduce, "reduce_sum"),
    **dict.fromkeys(("HSwish", "HSigmoid"), _hard_sigmoid),
    **dict.fromkeys(("MaxPool", "AvgPool"), pool),
    "Clamp": _clamp,
    "Concat": _concat,
    "Convolution": convolution,
    "Elu": _elu,
    "GroupConvolution": group_convolution,
    "MatMul": _matmul,
    "Pad": _pad,
    "PRelu": _prelu,
    "Reshape": _reshape,
    "Slice": _slice,
    "Softmax": _softmax,
    "Swish": _swish,
    "Transpose": _transpose,
}
