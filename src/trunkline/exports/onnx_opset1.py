# SPDX-License-Identifier: Apache-2.0
"""Opset 1 to 6, as WinMLTools wrote it for the service in 2018, brought to opset 7.

Opset 7 is the first that ONNX Runtime and OpenVINO know, and what the service's next exporter
wrote: a network comes out of here in the very operations in which its later exports hold it. Only
operations and attributes are rewritten. No constant is touched, and none is computed from others.

Every operation's old meaning is from ONNX's change log
(https://github.com/onnx/onnx/blob/main/docs/Changelog.md), but for two that it never had: ``FC``
is Caffe2's, and ``LegacyPadding`` is Core ML's "include last pixel" rule for pooling
(NeuralNetwork.proto, PoolingLayerParams.ValidCompletePadding).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import onnx
from onnx import helper

from trunkline.exports.onnx_check import in_order
from trunkline.exports.onnx_rewriting import Rewriting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Attributes = dict[str, Any]

__all__ = ["FIRST_KEPT_OPSET", "upgrade"]

FIRST_KEPT_OPSET = 7
"""The first opset that is read as it is."""


def upgrade(model: onnx.ModelProto, opset: int, source: Path) -> None:
    """Write a model's operations anew as those of opset 7, which compute the same.

    Args:
        model: A model of opset 1 to 6, without a label lookup at its end; changed in place.
        opset: The version of its operations.
        source: The model's file, for messages.

    Raises:
        ExportError: An operation depends on itself.
        UnsupportedExportError: An operation is none that the service's exports hold.
    """
    # WinMLTools lists some nodes before those they take from.
    nodes = in_order(model.graph.node, source)
    del model.graph.node[:], model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", FIRST_KEPT_OPSET))
    into = Rewriting(model.graph, from_opset=opset, to_opset=FIRST_KEPT_OPSET, source=source)
    for node in nodes:
        _rewrite(node, into)


def _rewrite(node: onnx.NodeProto, into: Rewriting) -> None:
    name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    attributes.pop("consumed_inputs", None)  # a hint about memory, gone since opset 6
    if name in _KEPT:
        into.keep(node, attributes)
    elif name in _REWRITTEN:
        _REWRITTEN[name](into, node, attributes)
    else:
        raise into.unsupported(node)


def _batch_normalization(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    # With is_test or without: what has a single output normalises by the given statistics.
    if old.pop("spatial", 1) != 1 or len(node.output) > 1:
        raise into.unsupported(node, " with statistics of its own")
    old.pop("is_test", None)
    into.keep(node, old)


def _arithmetic(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    """Align the second operand at ``axis`` of the first: to numpy, at the end."""
    first, second = node.input
    if old.get("broadcast", 0) and "axis" in old:
        rank = into.shapes.rank(first)
        # The old rule counts from the end too: axis -1 is the last.
        missing = rank - old["axis"] % rank - into.shapes.rank(second)
        second = _with_trailing_axes(into, second, missing, node.output[0])
    into.add(node.op_type, [first, second], node.output)


def _prelu(into: Rewriting, node: onnx.NodeProto, _: Attributes) -> None:
    values, slope = node.input
    missing = into.shapes.rank(values) - 2 if into.shapes.rank(slope) == 1 else 0
    into.add(
        "PRelu", [values, _with_trailing_axes(into, slope, missing, node.output[0])], node.output
    )


def _with_trailing_axes(into: Rewriting, name: str, count: int, user: str) -> str:
    if count <= 0:
        return name
    rank = into.shapes.rank(name)
    into.add("Unsqueeze", [name], [f"{user}/aligned"], {"axes": list(range(rank, rank + count))})
    return f"{user}/aligned"


def _dropout(into: Rewriting, node: onnx.NodeProto, _: Attributes) -> None:
    # Outside training it hands its input on. The mask it could also give has no use there.
    into.add("Dropout", node.input, node.output[:1])


def _concat(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    into.keep(node, {"axis": 1} | old)


def _reshape(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    inputs = list(node.input)
    if "shape" in old:
        inputs = [inputs[0], into.add_constant(f"{node.output[0]}/shape", old["shape"])]
    into.add("Reshape", inputs, node.output)


def _pad(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    if "paddings" in old:
        old["pads"] = old.pop("paddings")
    into.keep(node, old)


def _upsample(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    if old.get("mode", b"nearest") != b"nearest":
        # How it places its corners was never written down.
        raise into.unsupported(node, f" in the mode {old['mode'].decode()}")
    scales = [1.0, 1.0, old["height_scale"], old["width_scale"]]
    into.add("Upsample", node.input, node.output, {"scales": scales, "mode": "nearest"})


def _gemm(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    old.pop("broadcast", None)
    into.keep(node, old)


def _fully_connected(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    """Caffe2's FC: all that follows the batch, flattened, times the transposed weights."""
    values, weights, bias = node.input
    axes = {old.get("axis", 1), old.get("axis_w", 1)}
    if axes != {1} or into.shapes.rank(weights) != 2:
        raise into.unsupported(node, " with weights that are no matrix")
    if into.shapes.rank(values) != 2:
        flat = f"{node.output[0]}/flat"
        into.add("Flatten", [values], [flat], {"axis": 1})
        values = flat
    # All four attributes are written out, as the service's opset 7 exports do.
    attributes = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1}
    into.add("Gemm", [values, weights, bias], node.output, attributes)


def _max_pool(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    # Not an attribute before opset 10; WinMLTools writes it all the same.
    if set(old.pop("dilations", [])) - {1}:
        raise into.unsupported(node, " with dilations")
    into.keep(node, old)


def _legacy_padding(into: Rewriting, node: onnx.NodeProto, old: Attributes) -> None:
    """Pad so that the pooling that follows, which drops incomplete windows, drops no pixel."""
    sizes = into.shapes.spatial(node.input[0])
    kernel = old["kernel_shape"]
    strides = old.get("strides", [1] * len(kernel))
    begins = old.get("pads", [0] * len(kernel))
    ends = [_end_padding(*given) for given in zip(sizes, begins, kernel, strides, strict=True)]
    attributes = {"pads": [0, 0, *begins, 0, 0, *ends], "value": old.get("value", 0.0)}
    into.add("Pad", node.input, node.output, attributes)


def _end_padding(size: int, begin: int, kernel: int, stride: int) -> int:
    """Return how much one axis is padded at its end.

    The number of windows is rounded up, less one where the last would start beyond the input.
    """
    windows = math.ceil((size + 2 * begin - kernel) / stride) + 1
    if (windows - 1) * stride >= size + begin:
        windows -= 1
    return max((windows - 1) * stride + kernel - size - begin, 0)


# Operations whose meaning opset 7 left alone; some lost consumed_inputs on the way.
# fmt: off
_KEPT = frozenset({
    "Abs", "ArgMax", "ArgMin", "AveragePool", "Ceil", "Clip", "Constant", "Conv",
    "ConvTranspose", "DepthToSpace", "Elu", "Exp", "Flatten", "Floor", "Gather",
    "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "Identity", "ImageScaler",
    "InstanceNormalization", "LRN", "LeakyRelu", "Log", "LogSoftmax", "MatMul", "Max", "Mean",
    "Min", "Neg", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Relu",
    "Shape", "Sigmoid", "Slice", "Softmax", "Softplus", "SpaceToDepth", "Sqrt", "Squeeze",
    "Sum", "Tanh", "Transpose", "Unsqueeze",
})
# fmt: on

_REWRITTEN: dict[str, Callable[[Rewriting, onnx.NodeProto, Attributes], None]] = {
    "Add": _arithmetic,
    "BatchNormalization": _batch_normalization,
    "Concat": _concat,
    "Div": _arithmetic,
    "Dropout": _dropout,
    "FC": _fully_connected,
    "Gemm": _gemm,
    "MaxPool": _max_pool,
    "Mul": _arithmetic,
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": _arithmetic,
    "Reshape": _reshape,
    "Sub": _arithmetic,
    "Upsample": _upsample,
    "com.microsoft.LegacyPadding": _legacy_padding,
}
