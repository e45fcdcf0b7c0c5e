# SPDX-License-Identifier: Apache-2.0
"""The kinds of steps as layers of Core ML; see ``trunkline.writers.coreml_layers``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from trunkline.writers.coreml_layers import Layers
    from trunkline.writers.steps import Step

__all__ = ["WEIGHTED", "WORDS", "is_by_channel"]

_SINCE_CLIP = 4
_PICTURE_AXES = ("CHANNEL_AXIS", "HEIGHT_AXIS", "WIDTH_AXIS")


def is_by_channel(values: NDArray[Any], rank: int) -> bool:
    """Tell whether values are one per channel, or one for all, in a value of some rank."""
    shape = (1,) * (rank - values.ndim) + values.shape
    return all(length == 1 for axis, length in enumerate(shape) if axis != 1)


def _convolution(layers: Layers, step: Step, output: str, bias: NDArray[Any] | None) -> None:
    data, weights = step.inputs
    if isinstance(weights, str):
        raise layers.refused(step)
    groups = weights.shape[0] if step.kind == "GroupConvolution" else 1
    weights = weights.reshape(-1, *weights.shape[-3:])
    params = layers.layer(step, [data], output).convolution
    params.outputChannels, params.kernelChannels = weights.shape[:2]
    params.nGroups = groups
    params.kernelSize.extend(weights.shape[2:])
    params.stride.extend(step.attributes["strides"])
    params.dilationFactor.extend(step.attributes["dilations"])
    _set_borders(params.valid.paddingAmounts, step)
    layers.store(params.weights, weights)
    _set_bias(layers, params, bias)


def _dense(layers: Layers, step: Step, output: str, bias: NDArray[Any] | None) -> None:
    data, weights = step.inputs
    if isinstance(weights, str) or weights.ndim != 2 or step.attributes["transpose_a"]:
        raise layers.refused(step)
    stored = weights if step.attributes["transpose_b"] else weights.T
    params = layers.layer(step, [data], output).innerProduct
    params.outputChannels, params.inputChannels = stored.shape
    layers.store(params.weights, np.ascontiguousarray(stored))
    _set_bias(layers, params, bias)


def _set_bias(layers: Layers, params: Any, bias: NDArray[Any] | None) -> None:  # noqa: ANN401
    if bias is not None:
        params.hasBias = True
        layers.store(params.bias, bias)


def _set_borders(amounts: Any, step: Step) -> None:  # noqa: ANN401
    told = step.attributes
    for before, after in zip(told["pads_begin"], told["pads_end"], strict=True):
        amounts.borderAmounts.add(startEdgeSize=before, endEdgeSize=after)


def _pool(layers: Layers, step: Step) -> None:
    told = step.attributes
    if any(dilation != 1 for dilation in told.get("dilations", ())):
        raise layers.refused(step)
    params = layers.layer(step, step.inputs).pooling
    params.type = params.MAX if step.kind == "MaxPool" else params.AVERAGE
    params.kernelSize.extend(told["kernel"])
    params.stride.extend(told["strides"])
    params.avgPoolExcludePadding = bool(told.get("exclude_pad", False))
    _set_borders(params.valid.paddingAmounts, step)


def _whole_pool(layers: Layers, step: Step) -> None:
    if step.attributes["axes"] != (2, 3):
        raise layers.refused(step)
    kept = step.attributes["keep_dims"]
    pooled = step.name if kept else f"{step.name}/pooled"
    params = layers.layer(step, step.inputs, pooled).pooling
    params.type = params.MAX if step.kind == "ReduceMax" else params.AVERAGE
    params.globalPooling = True
    if not kept:
        layers.layer(step, [pooled]).flatten.SetInParent()


def _join(layers: Layers, step: Step) -> None:
    """Write a sum or a product: of two values, or of a value and a number per channel."""
    data, other = step.inputs
    if isinstance(other, str):
        joined = layers.layer(step, step.inputs)
        getattr(joined, step.kind.lower()).SetInParent()
        return
    if not is_by_channel(other, len(step.shape)) or len(step.shape) != 4:
        raise layers.refused(step)
    layer = layers.layer(step, [data])
    if step.kind == "Add":
        layer.bias.shape.append(other.size)
        layers.store(layer.bias.bias, other)
    else:
        layer.scale.shapeScale.append(other.size)
        layers.store(layer.scale.scale, other)


def _function(layers: Layers, step: Step) -> None:
    activation = layers.layer(step, step.inputs).activation
    getattr(activation, _FUNCTIONS[step.kind]).SetInParent()
    if step.kind == "Elu":
        activation.ELU.alpha = step.attributes["alpha"]
    elif step.kind == "HSigmoid":
        activation.sigmoidHard.alpha, activation.sigmoidHard.beta = 1 / 6, 0.5


_FUNCTIONS = {
    "Elu": "ELU",
    "HSigmoid": "sigmoidHard",
    "Relu": "ReLU",
    "Sigmoid": "sigmoid",
    "SoftPlus": "softplus",
    "Tanh": "tanh",
}


def _gated(layers: Layers, step: Step) -> None:
    """Write ``x * gate(x)``."""
    (data,), gate = step.inputs, f"{step.name}/gate"
    if step.attributes.get("beta", 1) != 1:
        raise layers.refused(step)
    activation = layers.layer(step, [data], gate).activation
    if step.kind == "HSwish":
        activation.sigmoidHard.alpha, activation.sigmoidHard.beta = 1 / 6, 0.5
    else:
        activation.sigmoid.SetInParent()
    layers.layer(step, [data, gate]).multiply.SetInParent()


def _prelu(layers: Layers, step: Step) -> None:
    data, slope = step.inputs
    if isinstance(slope, str) or not is_by_channel(slope, len(step.shape)):
        raise layers.refused(step)
    layers.store(layers.layer(step, [data]).activation.PReLU.alpha, slope)


def _clamp(layers: Layers, step: Step) -> None:
    params = layers.layer(step, step.inputs).clip
    params.minVal, params.maxVal = step.attributes["minimum"], step.attributes["maximum"]
    layers.since(_SINCE_CLIP)


def _softmax(layers: Layers, step: Step) -> None:
    if step.attributes["axis"] != 1:
        raise layers.refused(step)
    layers.layer(step, step.inputs).softmax.SetInParent()


def _transpose(layers: Layers, step: Step) -> None:
    order = step.attributes["order"]
    if len(order) != 4 or order[0] != 0:
        raise layers.refused(step)
    layers.layer(step, step.inputs).permute.axis.extend(order)


def _reshape(layers: Layers, step: Step) -> None:
    shape = step.shape
    if shape[:1] != (1,) or len(shape) not in {2, 4}:
        raise layers.refused(step)
    layer = layers.layer(step, step.inputs)
    if len(shape) == 2:
        layer.flatten.SetInParent()  # in the order of channels, rows and columns
    else:
        layer.reshape.targetShape.extend(shape[1:])
        layer.reshape.mode = layer.reshape.CHANNEL_FIRST


def _concat(layers: Layers, step: Step) -> None:
    if step.attributes["axis"] != 1:
        raise layers.refused(step)
    layers.layer(step, step.inputs).concat.sequenceConcat = False


def _slice(layers: Layers, step: Step) -> None:
    """Write one layer per axis that is cut."""
    told = step.attributes
    cuts = list(zip(told["axes"], told["start"], told["stop"], strict=True))
    if len(step.shape) != 4 or any(axis == 0 for axis, *_ in cuts):
        raise layers.refused(step)
    data = step.inputs
    for number, (axis, start, stop) in enumerate(cuts, start=1):
        output = step.name if number == len(cuts) else f"{step.name}/{number}"
        params = layers.layer(step, data, output).slice
        params.axis = params.SliceAxis.Value(_PICTURE_AXES[axis - 1])
        params.startIndex, params.endIndex, params.stride = start, stop, 1
        data = (output,)


def _pad(layers: Layers, step: Step) -> None:
    begin, end = step.attributes["begin"], step.attributes["end"]
    if len(begin) != 4 or any([*begin[:2], *end[:2]]):
        raise layers.refused(step)
    params = layers.layer(step, step.inputs).padding
    params.constant.value = step.attributes["value"]
    for before, after in zip(begin[2:], end[2:], strict=True):
        params.paddingAmounts.borderAmounts.add(startEdgeSize=before, endEdgeSize=after)


WEIGHTED: Mapping[str, Callable[[Layers, Step, str, NDArray[Any] | None], None]] = {
    "Convolution": _convolution,
    "GroupConvolution": _convolution,
    "MatMul": _dense,
}
"""Steps with weights, which take the bias that is added to each of their channels."""
WORDS: Mapping[str, Callable[[Layers, Step], None]] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    "Add": _join,
    "Multiply": _join,
    "AvgPool": _pool,
    "MaxPool": _pool,
    "ReduceMax": _whole_pool,
    "ReduceMean": _whole_pool,
    "Clamp": _clamp,
    "Concat": _concat,
    "HSwish": _gated,
    "Swish": _gated,
    "Pad": _pad,
    "PRelu": _prelu,
    "Reshape": _reshape,
    "Slice": _slice,
    "Softmax": _softmax,
    "Transpose": _transpose,
}
"""All other steps."""
