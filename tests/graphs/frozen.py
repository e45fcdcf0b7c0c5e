# SPDX-License-Identifier: Apache-2.0
"""Writing a network as a frozen TensorFlow graph, and reading it as any other ``.pb``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from graphs.networks import Conv
from graphs.writing import Value, Writer
from trunkline.exports.messages import GraphDef
from trunkline.exports.runtime import core

_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int32): 3, np.dtype(np.float16): 19}


class FrozenWriter(Writer):
    """Writes TensorFlow's operations on NHWC tensors."""

    def begin(self):
        self._graph = GraphDef()
        shape = [-1, self.network.height, self.network.width, 3]
        taken = self._node("Placeholder", [], dtype=_TYPES[np.dtype(np.float32)])
        for length in shape:
            self._graph.node[-1].attr["shape"].shape.dim.add(size=length)
        return Value(taken, 3, self.network.height, self.network.width)

    def finish(self, given):
        for index, value in enumerate(given):
            # Read as an output because nothing takes it.
            self._node("Identity", [value.port], name=f"out{index:03}")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "network.pb")
            path.write_bytes(self._graph.SerializeToString())
            return core().read_model(path)

    def has_lines(self, layer):
        return not (isinstance(layer, Conv) and layer.depthwise)

    def relu(self, value):
        return self._like(value, "Relu", [value.port])

    def add(self, first, second):
        return self._like(first, "AddV2", [first.port, second.port])

    def concat(self, values):
        axis = self._constant(np.int32(3))
        inputs = [*(value.port for value in values), axis]
        port = self._node("ConcatV2", inputs, T=1, N=len(values), Tidx=3)
        return Value(port, sum(v.channels for v in values), values[0].height, values[0].width)

    def plus(self, value, summand):
        if self.dialect.subtract:
            return self._like(value, "Sub", [value.port, self._constant(-summand)])
        pair = [value.port, self._constant(summand)]
        if self.dialect.swapped:
            return self._like(value, "AddV2", pair[::-1])
        return self._like(value, "BiasAdd", pair, data_format=b"NHWC")

    def times(self, value, factor):
        pair = [value.port, self._constant(factor)]
        return self._like(value, "Mul", pair[::-1] if self.dialect.swapped else pair)

    def normalised(self, value, statistics, epsilon):
        inputs = [value.port, *(self._constant(values) for values in statistics)]
        more = {"U": 1, "epsilon": epsilon, "is_training": False, "data_format": b"NHWC"}
        return self._like(value, "FusedBatchNormV3", inputs, **more)

    def pad(self, value, begin, end, around):
        pads = np.array([[0, 0], *zip(begin, end, strict=True), [0, 0]], np.int32)
        inputs = [value.port, self._constant(pads), self._constant(np.float32(around))]
        port = self._node("PadV2", inputs, T=1, Tpaddings=3)
        sides = value.height + begin[0] + end[0], value.width + begin[1] + end[1]
        return Value(port, value.channels, *sides)

    def convolution(self, value, name, pads, after, conv, w):
        # (height, width, in, out), or (height, width, channels, 1) for each channel by itself.
        stored = w.transpose(2, 3, 0, 1) if conv.depthwise else w.transpose(2, 3, 1, 0)
        port = self._node(
            "DepthwiseConv2dNative" if conv.depthwise else "Conv2D",
            [value.port, self._constant(stored)],
            T=1, strides=_picture(conv.stride), dilations=_picture(conv.dilation),
            **_padding(name, pads),
        )  # fmt: skip
        return Value(port, w.shape[0], *after)

    def pooled(self, value, name, pads, after, pool):
        kind = "AvgPool" if pool.kind == "average" else "MaxPool"
        # TensorFlow's average has no padding by lines.
        told = pool.padding if pool.kind == "average" else name
        windows = {"ksize": _picture(pool.kernel), "strides": _picture(pool.stride)}
        port = self._node(kind, [value.port], T=1, **windows, **_padding(told, pads))
        return Value(port, value.channels, *after)

    def mean(self, value):
        if self.dialect.pooled == "pool":
            window = {"ksize": [1, value.height, value.width, 1], "strides": [1, 1, 1, 1]}
            port = self._node("AvgPool", [value.port], T=1, **window, **_padding("valid", None))
        else:
            axes = self._constant(np.array([1, 2], np.int32))
            kept = self.dialect.pooled == "kept"
            port = self._node("Mean", [value.port, axes], T=1, Tidx=3, keep_dims=kept)
            if not kept:
                return Value(port, value.channels)
        if self.dialect.noise:
            port = self._node("Squeeze", [port], T=1, squeeze_dims=[1, 2])
        else:
            shape = self._constant(np.array([-1, value.channels], np.int32))
            port = self._node("Reshape", [port, shape], T=1, Tshape=3)
        return Value(port, value.channels)

    def product(self, value, weights):
        across = self.dialect.transposed
        stored = self._constant(weights.T if across else weights)
        port = self._node("MatMul", [value.port, stored], T=1, transpose_b=across)
        return Value(port, weights.shape[1])

    def activated(self, value, activation):
        return self._like(value, activation.capitalize(), [value.port])

    def noisy(self, value):
        return self._like(value, "Identity", [value.port]) if self.dialect.noise else value

    def _like(self, value, kind, inputs, **attributes):
        port = self._node(kind, inputs, T=1, **attributes)
        return Value(port, value.channels, value.height, value.width)

    def _constant(self, values):
        half = values.dtype == np.float32 and self.is_half(values)
        stored = values.astype(np.float16) if half else values
        name = self._node("Const", [], dtype=_TYPES[stored.dtype])
        tensor = self._graph.node[-1].attr["value"].tensor
        tensor.tensor_shape.SetInParent()
        tensor.dtype, tensor.tensor_content = _TYPES[stored.dtype], stored.tobytes()
        for length in stored.shape:
            tensor.tensor_shape.dim.add(size=length)
        return self._node("Cast", [name], SrcT=19, DstT=1) if half else name

    def _node(self, op, inputs, name="", **attributes):
        """Add a node; whole numbers under names of types are types."""
        node = self._graph.node.add(name=name or f"{op}_{len(self._graph.node)}", op=op)
        node.input.extend(inputs)
        for key, value in attributes.items():
            attribute = node.attr[key]
            match value:
                case bool():
                    attribute.b = value
                case int() if key == "N":
                    attribute.i = value
                case int():
                    attribute.type = value
                case float():
                    attribute.f = value
                case bytes():
                    attribute.s = value
                case list():
                    attribute.list.i.extend(value)
        return node.name


def _picture(length):
    return [1, length, length, 1]


def _padding(name, pads):
    if name != "lines":
        return {"padding": name.upper().encode(), "data_format": b"NHWC"}
    begin, end = pads
    explicit = [0, 0, begin[0], end[0], begin[1], end[1], 0, 0]
    return {"padding": b"EXPLICIT", "explicit_paddings": explicit, "data_format": b"NHWC"}
