# SPDX-License-Identifier: Apache-2.0
"""Core ML layers of rows and columns: convolution, pooling, padding and upsampling.

All border widths are resolved to numbers with which no window leaves the bordered picture, so that
no rounding rule is left in the graph. Formulas: ``ConvolutionLayerParams``, ``ValidPadding``,
``SamePadding`` and ``PoolingLayerParams`` in Apple's Core ML format reference; where it does not
say what an average is divided by, Caffe's pooling layer, whose rule ``includeLastPixel`` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from openvino import opset13 as ops

from trunkline.exports.coreml_weights import UnsupportedLayerError, constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openvino

    from trunkline.exports.messages import Message

__all__ = ["convolution", "padding", "pooling", "upsample"]

_MAX, _AVERAGE = 0, 1  # PoolingType
_NEAREST = 0  # InterpolationMode
_TOP_LEFT_HEAVY = 1  # SamePaddingMode
_Borders = tuple[list[int], list[int]]  # before and after, each for rows and columns


def convolution(params: Message, picture: openvino.Output) -> openvino.Output:
    """Build a ``ConvolutionLayerParams``: (any, in, rows, columns) to (any, out, rows, columns).

    Raises:
        UnsupportedLayerError: It is a deconvolution.
        ValueError: Its fields contradict one another.
    """
    if params.isDeconvolution:
        raise UnsupportedLayerError("is a deconvolution, which Trunkline cannot run")
    kernel, steps = _pair(params.kernelSize, 3), _pair(params.stride, 1)
    dilations = _pair(params.dilationFactor, 1)
    extents = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    kind = params.WhichOneof("ConvolutionPaddingType")
    begins, ends = _borders(params, kind, picture, extents, steps)
    filters, groups = params.outputChannels, params.nGroups or 1
    shape = [filters, params.kernelChannels, *kernel]
    if groups == 1:
        weights = constant(params.weights, shape)
        output = ops.convolution(picture, weights, steps, begins, ends, dilations)
    else:
        weights = constant(params.weights, [groups, filters // groups, *shape[1:]])
        output = ops.group_convolution(picture, weights, steps, begins, ends, dilations)
    if params.hasBias:
        output = ops.add(output, constant(params.bias, [1, filters, 1, 1]))
    return output.output(0)


def pooling(params: Message, picture: openvino.Output) -> openvino.Output:
    """Build a ``PoolingLayerParams`` of type MAX or AVERAGE.

    Borders count as minus infinity in a maximum. In an average they count as zeros, or not at all
    with ``avgPoolExcludePadding``; what a window of ``includeLastPixel`` holds beyond the border
    never counts.

    Raises:
        UnsupportedLayerError: It is of type L2.
        ValueError: Its fields contradict one another, or a window holds nothing of the picture.
    """
    if params.type not in {_MAX, _AVERAGE}:
        raise UnsupportedLayerError("pools by another rule than MAX and AVERAGE")
    if params.globalPooling:
        reduce = ops.reduce_max if params.type == _MAX else ops.reduce_mean
        return reduce(picture, np.array([2, 3]), keep_dims=True).output(0)
    kernel, steps = _pair(params.kernelSize, 3), _pair(params.stride, 1)
    exclude = params.avgPoolExcludePadding
    kind = params.WhichOneof("PoolingPaddingType")
    if kind == "includeLastPixel":
        begins = _pair(params.includeLastPixel.paddingAmounts, 0)
        ends = _last_pixel_ends(picture, kernel, steps, begins)
        if params.type == _AVERAGE and not exclude:
            picture = _bordered(picture, (begins, begins), "constant")
            ends = [max(0, end - begin) for begin, end in zip(begins, ends, strict=True)]
            begins, exclude = [0, 0], True
    else:
        begins, ends = _borders(params, kind, picture, kernel, steps)
    if params.type == _MAX:
        return ops.max_pool(picture, steps, [1, 1], begins, ends, kernel).output(0)
    return ops.avg_pool(picture, steps, begins, ends, kernel, exclude).output(0)


def padding(params: Message, picture: openvino.Output) -> openvino.Output:
    """Build a ``PaddingLayerParams``: a border of a constant, of mirrored or of repeated pixels."""
    kind = params.WhichOneof("PaddingType") or "constant"
    mode = {"constant": "constant", "reflection": "reflect", "replication": "edge"}[kind]
    return _bordered(picture, _amounts(params.paddingAmounts), mode, params.constant.value)


def upsample(params: Message, picture: openvino.Output) -> openvino.Output:
    """Build an ``UpsampleLayerParams`` that repeats each pixel a whole number of times.

    Raises:
        UnsupportedLayerError: It interpolates, or its factor is a fraction.
    """
    if params.mode != _NEAREST or params.fractionalScalingFactor:
        raise UnsupportedLayerError("interpolates between pixels, which Trunkline cannot do")
    factors = np.array(_pair(params.scalingFactor, 1), np.float32)
    return ops.interpolate(
        picture,
        factors,
        "nearest",
        "scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=np.array([2, 3]),
    ).output(0)


def _pair(values: Sequence[int], default: int) -> list[int]:
    """Return a field's values for rows and columns; an empty field has the format's default."""
    if len(values) not in {0, 2}:
        raise ValueError(f"it has {len(values)} numbers where rows and columns need two")
    return list(values) or [default, default]


def _sizes(picture: openvino.Output) -> list[int]:
    shape = picture.get_partial_shape()
    return [shape[2].get_length(), shape[3].get_length()]


def _borders(
    params: Message,
    kind: str | None,
    picture: openvino.Output,
    extents: list[int],
    steps: list[int],
) -> _Borders:
    """Return the borders of ``valid`` (explicit; none by default) or ``same`` padding."""
    if kind != "same":
        return _amounts(params.valid.paddingAmounts)
    pairs = []
    for size, extent, step in zip(_sizes(picture), extents, steps, strict=True):
        total = max(0, (-(-size // step) - 1) * step + extent - size)
        half = total // 2
        heavy_first = params.same.asymmetryMode == _TOP_LEFT_HEAVY
        pairs.append((total - half, half) if heavy_first else (half, total - half))
    return [first for first, _ in pairs], [last for _, last in pairs]


def _amounts(amounts: Message) -> _Borders:
    """Return what a ``BorderAmounts`` states."""
    edges = amounts.borderAmounts
    if len(edges) not in {0, 2}:
        raise ValueError(f"it has {len(edges)} borders where rows and columns need two")
    begins = [edge.startEdgeSize for edge in edges] or [0, 0]
    return begins, [edge.endEdgeSize for edge in edges] or [0, 0]


def _last_pixel_ends(
    picture: openvino.Output, kernel: list[int], steps: list[int], border: list[int]
) -> list[int]:
    """Return the borders after rows and columns with which the last pixel is in a window."""
    ends = []
    for size, extent, step, before in zip(_sizes(picture), kernel, steps, border, strict=True):
        windows = -(-(size + 2 * before - extent) // step) + 1
        if any(border) and (windows - 1) * step >= size + before:
            windows -= 1
        if before >= extent or windows < 1 or (windows - 1) * step >= size + before:
            raise ValueError("one of its windows holds nothing of the picture")
        ends.append(max(0, (windows - 1) * step + extent - size - before))
    return ends


def _bordered(
    picture: openvino.Output, borders: _Borders, mode: str, value: float = 0.0
) -> openvino.Output:
    begins, ends = ([0, 0, *amounts] for amounts in borders)
    return ops.pad(picture, begins, ends, mode, np.float32(value)).output(0)
