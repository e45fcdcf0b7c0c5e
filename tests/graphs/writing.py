# SPDX-License-Identifier: Apache-2.0
"""Writing a network as a graph, in any dialect.

Every weight is a float16 number, so that a dialect which stores halves stores the same network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino
from openvino import opset1, opset5, opset14
from openvino import opset13 as ops

from graphs.networks import (
    PLAIN,
    Array,
    Conv,
    Dense,
    Dialect,
    Fork,
    Layer,
    Mean,
    Network,
    Norm,
    Pool,
    Residual,
    lines,
    windows,
)

Change = Callable[[int, str, Array], Array]
"""Changes a constant, given the index of its layer and what it is."""
Lines = tuple[list[int], list[int]]
"""Padding before and behind: each how many lines down and across."""


def graph_of(
    network: Network,
    dialect: Dialect = PLAIN,
    *,
    every: bool = False,
    change: Change | None = None,
) -> openvino.Model:
    """Write a network.

    Args:
        network: What is computed.
        dialect: How it is written.
        every: Whether every layer's tensor is an output, in their order.
        change: Changes its constants.
    """
    if dialect.form == "pb":
        from graphs.frozen import FrozenWriter

        return FrozenWriter(network, dialect, change).write(every=every)
    kind = PlanesWriter if dialect.form == "NCHW" else TransposingWriter
    return kind(network, dialect, change).write(every=every)


@dataclass(frozen=True)
class Value:
    """A tensor while it is written: what the writer knows it by, and its lengths."""

    port: Any
    channels: int
    height: int = 1
    width: int = 1


class Writer:
    """Walks through a network; how operations are written is up to the kind of writer."""

    def __init__(self, network: Network, dialect: Dialect, change: Change | None) -> None:
        self.network, self.dialect, self._change = network, dialect, change
        self._index = -1
        self._random = np.random.default_rng(0)

    def write(self, *, every: bool) -> openvino.Model:
        value = self.begin()
        if self.dialect.mean == "graph":
            mean = np.array(self.network.mean, np.float32)
            value = self.plus(value, -mean)
        given = []
        for index, layer in enumerate(self.network.layers):
            self._index = index
            self._random = np.random.default_rng((self.network.seed, index))
            value = self._layer(layer, value)
            given.append(value)
        return self.finish(given if every else given[-1:])

    def _layer(self, layer: Layer, value: Value) -> Value:
        match layer:
            case Conv():
                return self._conv(layer, value)
            case Norm():
                made = self._norm(layer, value)
                return self.relu(made) if layer.relu else made
            case Pool():
                return self._pool(layer, self.relu(value))
            case Residual(kernel):
                more = self._conv(Conv(value.channels, kernel, relu=False), value)
                pair = (more, value) if self.dialect.swapped else (value, more)
                return self.relu(self.add(*pair))
            case Fork(first, second, kernel):
                parts = [self._conv(Conv(first, kernel), value), self._conv(Conv(second, 1), value)]
                return self.concat(parts)
            case Mean():
                return self.mean(value)
            case Dense():
                return self._dense(layer, value)

    def _conv(self, layer: Conv, value: Value) -> Value:
        size = [layer.kernel, layer.kernel]
        depth = [value.channels, 1] if layer.depthwise else [layer.channels, value.channels]
        scale = 1.5 / math.sqrt(math.prod([depth[1], *size]))
        weights = self.values("weights", [*depth, *size], scale)
        made = self.convolution(*self._padded(layer, value, 0.0), layer, weights)
        if layer.bias:
            made = self.plus(made, self.values("bias", [made.channels], 0.5))
        return self.noisy(self.relu(made) if layer.relu else made)

    def _norm(self, layer: Norm, value: Value) -> Value:
        count = [value.channels]
        gamma = self.values("gamma", count, 0.3, around=1.0)
        beta, mean = self.values("beta", count, 0.3), self.values("mean", count, 0.3)
        variance = self.values("variance", count, 0.05, around=0.5)
        if not self.dialect.arithmetic:
            return self.normalised(value, [gamma, beta, mean, variance], layer.epsilon)
        # In the order and the precision in which OpenVINO takes it apart.
        scale = gamma / np.sqrt(variance + np.float32(layer.epsilon))
        return self.plus(self.times(self.plus(value, -mean), scale), beta)

    def _pool(self, layer: Pool, value: Value) -> Value:
        return self.pooled(*self._padded(layer, value, -3.4e38), layer)

    def _padded(
        self, layer: Conv | Pool, value: Value, around: float
    ) -> tuple[Value, str, Lines, tuple[int, int]]:
        """Pad where the dialect does so by an operation.

        Returns:
            The tensor, and by name and by lines the padding that is left to do; and how many
            windows there are down and across.
        """
        sides = value.height, value.width
        pads = [lines(layer, length, axis) for axis, length in enumerate(sides)]
        begin, end = [p[0] for p in pads], [p[1] for p in pads]
        down, across = (windows(layer, length, axis) for axis, length in enumerate(sides))
        name = str(layer.padding) if isinstance(layer.padding, str) else "lines"
        told = {"name": name, "lines": "lines", "operation": "operation"}[self.dialect.padding]
        if isinstance(layer, Pool) and layer.kind == "average":
            # An average would count what an operation has padded.
            told = name if told == "operation" else told
        elif told == "operation" or not self.has_lines(layer):
            return self.pad(value, begin, end, around), "valid", ([0, 0], [0, 0]), (down, across)
        return value, told, (begin, end), (down, across)

    def _dense(self, layer: Dense, value: Value) -> Value:
        weights = self.values("weights", [value.channels, layer.labels], 0.02)
        sums = self.plus(self.product(value, weights), self.values("bias", [layer.labels], 0.5))
        return sums if layer.activation == "none" else self.activated(sums, layer.activation)

    def values(self, what: str, shape: list[int], scale: float, around: float = 0.0) -> Array:
        """Return random numbers that are no more exact than float16, as float32."""
        values = self._random.uniform(-scale, scale, shape) + around
        values = values.astype(np.float16).astype(np.float32)
        return self._change(self._index, what, values) if self._change else values

    def is_half(self, values: Array) -> bool:
        if not self.dialect.halves or np.abs(values).max() > np.finfo(np.float16).max:
            return False
        return bool((values == values.astype(np.float16)).all())

    def has_lines(self, layer: Conv | Pool) -> bool:
        """Tell whether a padding by lines can be written."""
        return True

    def begin(self) -> Value: ...
    def finish(self, given: list[Value]) -> openvino.Model: ...
    def relu(self, value: Value) -> Value: ...
    def add(self, first: Value, second: Value) -> Value: ...
    def concat(self, values: list[Value]) -> Value: ...
    def plus(self, value: Value, summand: Array) -> Value: ...
    def times(self, value: Value, factor: Array) -> Value: ...
    def normalised(self, value: Value, statistics: list[Array], epsilon: float) -> Value: ...
    def pad(self, value: Value, begin: list[int], end: list[int], around: float) -> Value: ...
    def convolution(
        self, value: Value, name: str, pads: Lines, after: tuple[int, int], conv: Conv, w: Array
    ) -> Value: ...
    def pooled(
        self, value: Value, name: str, pads: Lines, after: tuple[int, int], pool: Pool
    ) -> Value: ...
    def mean(self, value: Value) -> Value: ...
    def product(self, value: Value, weights: Array) -> Value: ...
    def activated(self, value: Value, activation: str) -> Value: ...
    def noisy(self, value: Value) -> Value: ...


class PlanesWriter(Writer):
    """Writes OpenVINO's operations on NCHW tensors."""

    spatial = (2, 3)

    def begin(self) -> Value:
        sides = {self.spatial[0]: self.network.height, self.spatial[1]: self.network.width}
        shape = [1, *(sides.get(axis, 3) for axis in (1, 2, 3))]
        self._taken = ops.parameter(shape, openvino.Type.f32, name="data")
        return Value(self._taken.output(0), 3, self.network.height, self.network.width)

    def finish(self, given):
        return openvino.Model([value.port for value in given], [self._taken], "network")

    def relu(self, value):
        return self._like(value, ops.relu(value.port))

    def add(self, first, second):
        return self._like(first, ops.add(first.port, second.port))

    def concat(self, values):
        made = ops.concat([value.port for value in values], 1 if self.spatial[0] == 2 else -1)
        return self._like(values[0], made, sum(value.channels for value in values))

    def plus(self, value, summand):
        if self.dialect.subtract:
            return self._like(value, ops.subtract(value.port, self._per_channel(value, -summand)))
        pair = value.port, self._per_channel(value, summand)
        return self._like(value, ops.add(*(pair[::-1] if self.dialect.swapped else pair)))

    def times(self, value, factor):
        pair = value.port, self._per_channel(value, factor)
        return self._like(value, ops.multiply(*(pair[::-1] if self.dialect.swapped else pair)))

    def normalised(self, value, statistics, epsilon):
        constants = [self._constant(values) for values in statistics]
        made = opset5.batch_norm_inference(self.first(value.port), *constants, epsilon)
        return Value(self.last(made), value.channels, value.height, value.width)

    def pad(self, value, begin, end, around):
        before, behind = np.zeros((2, 4), np.int32)
        before[list(self.spatial)], behind[list(self.spatial)] = begin, end
        made = ops.pad(value.port, before, behind, "constant", np.float32(around))
        sides = value.height + begin[0] + end[0], value.width + begin[1] + end[1]
        return Value(made.output(0), value.channels, *sides)

    def convolution(self, value, name, pads, after, conv, w):
        grouped = w[:, :, None] if conv.depthwise else w
        made = (ops.group_convolution if conv.depthwise else ops.convolution)(
            self.first(value.port), self._constant(grouped), [conv.stride] * 2, *pads,
            [conv.dilation] * 2, auto_pad=_AUTO[name],
        )  # fmt: skip
        return Value(self.last(made), w.shape[0], *after)

    def pooled(self, value, name, pads, after, pool):
        kernel, strides, data = [pool.kernel] * 2, [pool.stride] * 2, self.first(value.port)
        if pool.kind == "average":
            made = ops.avg_pool(data, strides, *pads, kernel, True, auto_pad=_AUTO[name])
        elif self.dialect.old_pools:
            made = opset1.max_pool(data, strides, *pads, kernel, "floor", _AUTO[name])
        else:
            made = opset14.max_pool(data, strides, [1, 1], *pads, kernel, "floor", _AUTO[name])
        return Value(self.last(made), value.channels, *after)

    def mean(self, value):
        if self.dialect.pooled == "squeezed":
            return Value(ops.reduce_mean(value.port, list(self.spatial)).output(0), value.channels)
        if self.dialect.pooled == "pool":
            kernel, none = [value.height, value.width], [0, 0]
            port = self.last(ops.avg_pool(self.first(value.port), [1, 1], none, none, kernel, True))
        else:
            port = ops.reduce_mean(value.port, list(self.spatial), keep_dims=True).output(0)
        if self.dialect.noise:
            made = ops.squeeze(port, list(self.spatial))
        else:
            made = ops.reshape(port, [-1, value.channels], special_zero=False)
        return Value(made.output(0), value.channels)

    def product(self, value, weights):
        across = self.dialect.transposed
        stored = self._constant(weights.T if across else weights)
        return Value(ops.matmul(value.port, stored, False, across).output(0), weights.shape[1])

    def activated(self, value, activation):
        if activation == "sigmoid":
            return self._like(value, ops.sigmoid(value.port))
        return self._like(value, ops.softmax(value.port, -1 if self.dialect.swapped else 1))

    def noisy(self, value):
        if not self.dialect.noise:
            return value
        shape = list(value.port.get_shape())
        more = ops.unsqueeze(value.port, np.array([0], np.int32))
        flat = ops.reshape(more, [-1], special_zero=False)
        return self._like(value, ops.reshape(flat, shape, special_zero=True))

    def first(self, port):
        """Return a tensor with its channels before its picture."""
        return port

    def last(self, node):
        """Return a node's tensor as this kind of writer has them."""
        return node.output(0)

    def _like(self, value, node, channels=0):
        return Value(node.output(0), channels or value.channels, value.height, value.width)

    def _per_channel(self, value, values):
        pictures = len(value.port.get_shape()) == 4 and self.spatial[0] == 2
        return self._constant(values.reshape(-1, 1, 1) if pictures else values)

    def _constant(self, values):
        # OpenVINO misreads halves that are not contiguous.
        values = np.ascontiguousarray(values)
        if self.is_half(values):
            return ops.convert(ops.constant(values.astype(np.float16)), "f32").output(0)
        return ops.constant(values).output(0)


class TransposingWriter(PlanesWriter):
    """Writes OpenVINO's operations on NHWC tensors, transposed where they must be."""

    spatial = (1, 2)

    def first(self, port):
        return ops.transpose(port, [0, 3, 1, 2]).output(0)

    def last(self, node):
        return ops.transpose(node.output(0), [0, 2, 3, 1]).output(0)


_AUTO = {"same": "same_upper", "valid": "valid", "lines": "explicit"}
