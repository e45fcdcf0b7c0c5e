# SPDX-License-Identifier: Apache-2.0
"""The layers of a Core ML network as OpenVINO operations.

Core ML keeps every value as (sequence, batch, channels, rows, columns). Here the sequence, always
1, is left out, and after ``flatten`` and ``innerProduct`` so are the rows and columns, which are 1
from there on: such values are (any, channels), as in the other formats. Formulas: the messages of
``NeuralNetwork.proto`` in Apple's Core ML format reference.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from openvino import opset13 as ops

from trunkline.exports import coreml_windows as windows
from trunkline.exports.coreml_activations import activation
from trunkline.exports.coreml_weights import UnsupportedLayerError, constant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import openvino

    from trunkline.exports.messages import Message

__all__ = ["UnsupportedLayerError", "build_layer"]

_EPSILON = 1e-5  # BatchnormLayerParams.epsilon where it is not set
_CHANNEL_LAST = 1  # FlattenOrder and ReshapeOrder
_TO_CHANNEL_LAST, _TO_CHANNEL_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def build_layer(layer: Message, inputs: Sequence[openvino.Output]) -> openvino.Output:
    """Build one layer.

    Args:
        layer: A ``NeuralNetworkLayer``.
        inputs: What it takes: float32 of shape (any, channels, rows, columns) or (any, channels).

    Returns:
        What it makes, likewise.

    Raises:
        UnsupportedLayerError: Trunkline does not know the layer, or not what it is set to do.
        Exception: The layer does not fit its inputs; anything that numpy or OpenVINO raise.
    """
    kind = layer.WhichOneof("layer")
    if kind in _OF_SEVERAL:
        return _OF_SEVERAL[kind](getattr(layer, kind), _alike(inputs))
    if kind not in _OF_PICTURE and kind not in _OF_ANY:
        raise UnsupportedLayerError("is of a type that Trunkline does not know")
    if len(inputs) != 1:
        raise UnsupportedLayerError(f"takes {len(inputs)} inputs where Trunkline knows one")
    if kind in _OF_PICTURE:
        return _OF_PICTURE[kind](getattr(layer, kind), _picture(inputs[0]))
    return _OF_ANY[kind](getattr(layer, kind), inputs[0])


def _rank(value: openvino.Output) -> int:
    return len(value.get_partial_shape())


def _picture(value: openvino.Output) -> openvino.Output:
    """Give back the rows and columns of a value that has lost them."""
    return value if _rank(value) == 4 else ops.unsqueeze(value, np.array([2, 3])).output(0)


def _alike(values: Sequence[openvino.Output]) -> list[openvino.Output]:
    return list(values) if len({_rank(v) for v in values}) == 1 else [_picture(v) for v in values]


def _batchnorm(params: Message, value: openvino.Output) -> openvino.Output:
    if params.computeMeanVar or params.instanceNormalization:
        raise UnsupportedLayerError("computes mean and variance anew for every picture")
    shape = [params.channels]
    return ops.batch_norm_inference(
        value,
        constant(params.gamma, shape),
        constant(params.beta, shape),
        constant(params.mean, shape),
        constant(params.variance, shape),
        params.epsilon or _EPSILON,
    ).output(0)


def _inner_product(params: Message, value: openvino.Output) -> openvino.Output:
    if _rank(value) == 4:
        value = ops.reshape(value, [0, -1], special_zero=True).output(0)
    weights = constant(params.weights, [params.outputChannels, params.inputChannels])
    output = ops.matmul(value, weights, transpose_a=False, transpose_b=True)
    if params.hasBias:
        output = ops.add(output, constant(params.bias, [1, params.outputChannels]))
    return output.output(0)


def _softmax(_params: Message, value: openvino.Output) -> openvino.Output:
    return ops.softmax(value, 1).output(0)


def _clip(params: Message, value: openvino.Output) -> openvino.Output:
    if not params.minVal <= params.maxVal:
        raise ValueError(f"its bounds {params.minVal} and {params.maxVal} leave nothing")
    return ops.clamp(value, params.minVal, params.maxVal).output(0)


def _slice(params: Message, picture: openvino.Output) -> openvino.Output:
    # SliceAxis counts channels, rows and columns from 0; ends below 0 count from the end.
    bounds = (params.startIndex, params.endIndex, params.stride, 1 + params.axis)
    return ops.slice(picture, *(np.array([each], np.int64) for each in bounds)).output(0)


def _per_channel(weights: Message, shape: Sequence[int]) -> openvino.Output:
    """Return weights of shape (1), (channels) or (channels, rows, columns), ready to broadcast."""
    if len(shape) not in {1, 3}:
        raise ValueError(f"the shape {list(shape)} is neither (channels) nor (channels, rows, ..)")
    return constant(weights, [1, *shape] if len(shape) == 3 else [1, *shape, 1, 1])


def _scale(params: Message, picture: openvino.Output) -> openvino.Output:
    output = ops.multiply(picture, _per_channel(params.scale, params.shapeScale))
    if params.hasBias:
        output = ops.add(output, _per_channel(params.bias, params.shapeBias))
    return output.output(0)


def _bias(params: Message, picture: openvino.Output) -> openvino.Output:
    return ops.add(picture, _per_channel(params.bias, params.shape)).output(0)


def _flatten(params: Message, picture: openvino.Output) -> openvino.Output:
    if params.mode == _CHANNEL_LAST:
        picture = ops.transpose(picture, np.array(_TO_CHANNEL_LAST)).output(0)
    return ops.reshape(picture, [0, -1], special_zero=True).output(0)


def _reshape(params: Message, picture: openvino.Output) -> openvino.Output:
    sequence, *target = [1, *params.targetShape][-4:]
    if sequence != 1 or len(target) != 3 or min(target) < 1:
        raise UnsupportedLayerError("gives a sequence of values, not one")
    if params.mode != _CHANNEL_LAST:
        return ops.reshape(picture, [0, *target], special_zero=True).output(0)
    moved = ops.transpose(picture, np.array(_TO_CHANNEL_LAST))
    reshaped = ops.reshape(moved, [0, *target[1:], target[0]], special_zero=True)
    return ops.transpose(reshaped, np.array(_TO_CHANNEL_FIRST)).output(0)


def _permute(params: Message, picture: openvino.Output) -> openvino.Output:
    axes = list(params.axis) or [0, 1, 2, 3]
    if axes[0] != 0:
        raise UnsupportedLayerError("moves the axis of sequences")
    return ops.transpose(picture, np.array(axes)).output(0)


def _concat(params: Message, values: list[openvino.Output]) -> openvino.Output:
    if params.sequenceConcat:
        raise UnsupportedLayerError("joins sequences")
    return ops.concat(values, 1).output(0)


def _elementwise(
    operation: Callable[..., openvino.Node], params: Message, values: list[openvino.Output]
) -> openvino.Output:
    """Join several values, or one value and ``alpha``."""
    others = values[1:] or [np.float32(params.alpha)]
    return functools.reduce(lambda all_, one: operation(all_, one).output(0), others, values[0])


_OF_ANY: dict[str, Callable[[Message, openvino.Output], openvino.Output]] = {
    "activation": activation,
    "batchnorm": _batchnorm,
    "clip": _clip,
    "innerProduct": _inner_product,
    "softmax": _softmax,
}
_OF_PICTURE: dict[str, Callable[[Message, openvino.Output], openvino.Output]] = {
    "bias": _bias,
    "convolution": windows.convolution,
    "flatten": _flatten,
    "padding": windows.padding,
    "permute": _permute,
    "pooling": windows.pooling,
    "reshape": _reshape,
    "slice": _slice,
    "scale": _scale,
    "upsample": windows.upsample,
}
_OF_SEVERAL: dict[str, Callable[[Message, list[openvino.Output]], openvino.Output]] = {
    "add": functools.partial(_elementwise, ops.add),
    "concat": _concat,
    "multiply": functools.partial(_elementwise, ops.multiply),
}
