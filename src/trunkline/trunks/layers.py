# SPDX-License-Identifier: Apache-2.0
"""The layers that small networks for pictures are made of, as OpenVINO operations.

A state dict keeps a convolution and the batch normalisation behind it apart. They are one linear
map, ``norm(conv(x)) = conv'(x) + bias``, and are folded into one in float64, which is rounded once
to float32. Everything between input and output is NCHW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "Block",
    "Layers",
    "Named",
    "Padding",
    "PictureScale",
    "as_graph",
    "from_both_sides",
    "mean_and_maxima",
    "mean_over_picture",
    "relu6",
    "same_padding",
]

Padding = Callable[[int, int, int], tuple[int, int]]
"""From size, kernel and stride of an axis to the zeros before and behind it."""


class Named(NamedTuple):
    """Where a convolution and the normalisation behind it are in the state dict."""

    convolution: str
    norm: str


class Block(NamedTuple):
    """What a block gives.

    Attributes:
        output: What the next layer takes.
        filtered: What its channels found, all 0 to 6.
    """

    output: openvino.Node
    filtered: openvino.Node


@dataclass(frozen=True, slots=True)
class PictureScale:
    """What a network wants of each channel of 0 to 255: ``(channel - mean) / std``, RGB."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME": as many windows as strides fit, the odd zero behind.

    Source: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    windows = -(-size // stride)
    zeros = max((windows - 1) * stride + kernel - size, 0)
    return zeros // 2, zeros - zeros // 2


def from_both_sides(size: int, kernel: int, stride: int) -> tuple[int, int]:  # noqa: ARG001
    """PyTorch's usual: half a kernel on either side, whatever the stride."""
    return kernel // 2, kernel // 2


@dataclass(frozen=True, eq=False)
class Layers:
    """Makes layers out of a state dict.

    Attributes:
        weights: The state dict.
        epsilon: What every normalisation adds to the variance.
        padding: How every convolution is padded.
        source: Where the weights come from, for messages.
    """

    weights: Mapping[str, NDArray[np.generic]]
    epsilon: float
    padding: Padding
    source: str

    def picture(
        self, picture: openvino.Node, names: Named, scale: PictureScale, stride: int
    ) -> openvino.Node:
        """Return the first convolution, for a picture as exports are fed: NHWC, BGR, 0 to 255.

        The mean is taken off in the graph, for the zeros around a picture stand for the mean. The
        order of the channels and the scale are folded into the kernels.
        """
        kernels, bias = self._folded(names)
        kernels = (kernels / np.array(scale.std)[:, None, None])[:, ::-1]
        mean = np.array(scale.mean[::-1], np.float32).reshape(1, 3, 1, 1)
        planes = ops.transpose(picture, np.array([0, 3, 1, 2], np.int64))
        centred = ops.add(planes, ops.constant(-mean))
        return self._convolution(centred, kernels, bias, names, stride)

    def convolution(self, data: openvino.Node, names: Named, stride: int = 1) -> openvino.Node:
        """Return a convolution with its normalisation folded in."""
        kernels, bias = self._folded(names)
        return self._convolution(data, kernels, bias, names, stride)

    def depthwise(self, data: openvino.Node, names: Named, stride: int) -> openvino.Node:
        """Return a convolution of each channel by itself, with its normalisation folded in."""
        kernels, bias = self._folded(names)
        # OpenVINO counts the groups first: (channels, 1, 1, rows, columns).
        return self._convolution(data, kernels[:, None], bias, names, stride)

    def bottleneck(self, data: openvino.Node, layers: Sequence[Named], stride: int) -> Block:
        """Return an inverted residual block: widen, filter each channel, narrow, add the input.

        Args:
            data: What the block takes.
            layers: Two or three; the first of three widens.
            stride: Of the filter. The input is added where the output is as large.
        """
        *widen, filters, narrow = layers
        wide = relu6(self.convolution(data, widen[0])) if widen else data
        filtered = relu6(self.depthwise(wide, filters, stride))
        narrowed = self.convolution(filtered, narrow)
        if narrowed.get_output_shape(0) != data.get_output_shape(0):
            return Block(narrowed, filtered)
        return Block(ops.add(narrowed, data), filtered)

    def _folded(self, names: Named) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return kernels and bias of a convolution together with its normalisation."""
        norm = [
            self._array(f"{names.norm}.{part}", axes=1)
            for part in ("weight", "bias", "running_mean", "running_var")
        ]
        gain, shift, mean, variance = norm
        kernels = self._array(f"{names.convolution}.weight", axes=4)
        if {len(part) for part in norm} != {len(kernels)}:
            raise ExportError(self.source, f"{names.norm} is not made for {names.convolution}.")
        factor = gain / np.sqrt(variance + self.epsilon)
        return kernels * factor[:, None, None, None], shift - mean * factor

    def _array(self, name: str, *, axes: int) -> NDArray[np.float64]:
        values = self.weights.get(name)
        if values is None or values.ndim != axes:
            raise ExportError(
                self.source,
                f"it is not of the network that is being built: it has no {name} of {axes} axes.",
            )
        return values.astype(np.float64)

    def _convolution(
        self,
        data: openvino.Node,
        kernels: NDArray[np.float64],
        bias: NDArray[np.float64],
        names: Named,
        stride: int,
    ) -> openvino.Node:
        """Return ``data`` convolved, with a bias; kernels of five axes are of single channels."""
        convolve = ops.group_convolution if kernels.ndim == 5 else ops.convolution
        begin, end = self._pads(data, kernels.shape[-2:], stride)
        constant = ops.constant(np.ascontiguousarray(kernels, np.float32))
        sums = convolve(data, constant, [stride, stride], begin, end, [1, 1])
        sums.set_friendly_name(names.convolution)
        named = ops.add(sums, ops.constant(bias.astype(np.float32).reshape(1, -1, 1, 1)))
        named.set_friendly_name(names.norm)
        return named

    def _pads(
        self, data: openvino.Node, kernel: Sequence[int], stride: int
    ) -> tuple[list[int], list[int]]:
        sizes = list(data.get_output_shape(0))[2:]
        pads = [self.padding(size, k, stride) for size, k in zip(sizes, kernel, strict=True)]
        return [begin for begin, _ in pads], [end for _, end in pads]


def relu6(data: openvino.Node) -> openvino.Node:
    """Return everything below 0 as 0 and above 6 as 6."""
    return ops.clamp(data, 0.0, 6.0)


def mean_over_picture(data: openvino.Node) -> openvino.Node:
    """Return each channel's mean, of shape (1, channels)."""
    return _flat(_mean(data))


def mean_and_maxima(
    data: openvino.Node, others: Sequence[openvino.Node], scale: float
) -> openvino.Node:
    """Return what several layers saw in a picture, of shape (1, all their channels).

    Args:
        data: The layer whose channels' means come first.
        others: Those whose channels' maxima follow, one after the other.
        scale: What the maxima are multiplied by.
    """
    return _flat(ops.concat([_mean(data), *(_maxima(each, scale) for each in others)], axis=1))


def _mean(data: openvino.Node) -> openvino.Node:
    return ops.reduce_mean(data, np.array([2, 3], np.int64), keep_dims=True)


def _maxima(data: openvino.Node, scale: float) -> openvino.Node:
    maxima = ops.reduce_max(data, np.array([2, 3], np.int64), keep_dims=True)
    # A number per channel, as every format has a layer for that.
    shape = list(maxima.get_output_shape(0))
    return ops.multiply(maxima, ops.constant(np.full(shape, scale, np.float32)))


def _flat(data: openvino.Node) -> openvino.Node:
    channels = list(data.get_output_shape(0))[1]
    return ops.reshape(data, np.array([1, channels], np.int64), special_zero=False)


def as_graph(picture: openvino.Node, features: openvino.Node, name: str) -> openvino.Model:
    """Return a trunk's graph, with its input called ``Placeholder`` as in exports."""
    picture.output(0).set_names({"Placeholder"})
    features.output(0).set_names({"features"})
    return openvino.Model([features], [picture], name)
