# SPDX-License-Identifier: Apache-2.0
"""The head of an ONNX model: two tensors, the labels of a lookup, and the shapes stated for both.

The name of the graph is the project's, and no part of the network; nor is the order in which the
sets of operations are listed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import onnx

from trunkline.exports.onnx_labels import lookup_labels
from trunkline.exports.onnx_walk import taken, walk
from trunkline.exports.template_parts import (
    HeadConstants,
    Places,
    Step,
    Taken,
    label_axis,
    locate,
    take,
)
from trunkline.exports.template_wire import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["find_head", "take_apart"]

_GRAPH = 7  # the number of ModelProto.graph
_WIDTHS: dict[int, str] = {onnx.TensorProto.FLOAT: "<f4", onnx.TensorProto.FLOAT16: "<f2"}


def find_head(parts: tuple[bytes, ...], head: HeadConstants) -> Places | None:
    """Find a dense head in an ONNX model; None where weights lie in files of their own."""
    model = onnx.ModelProto.FromString(parts[0])
    tensors = list(_tensors(model.graph))
    external = onnx.TensorProto.EXTERNAL
    if model.functions or any(t.data_location == external for t in walk(model, onnx.TensorProto)):
        return None
    if len({name for name, _ in tensors}) < len(tensors):
        return None
    sizes = {head.weights.size, head.bias.size}
    constants = [
        (name, values)
        for name, tensor in tensors
        if math.prod(tensor.dims) in sizes and (values := _values(tensor)) is not None
    ]
    steps = [Step(_kind(n), tuple(taken(n)), tuple(n.output)) for n in model.graph.node]
    return locate(constants, steps, {value.name for value in model.graph.output}, head)


def take_apart(parts: tuple[bytes, ...], places: Places) -> Taken | None:
    """Take the two tensors and the labels out of an ONNX model."""
    file = cut(parts[0], _GRAPH, (places.weights, places.bias))
    model = onnx.ModelProto.FromString(file.outer)
    model.graph.MergeFromString(file.inner)
    tensors = dict(_tensors(model.graph))
    weights, bias = tensors.get(places.weights), tensors.get(places.bias)
    if weights is None or bias is None:
        return None
    matrix, summand = _values(weights), _values(bias)
    if matrix is None or summand is None:
        return None
    labels = _take_labels(model.graph)
    emptied = _empty_shapes(model.graph, places, summand.size)
    for tensor in (weights, bias):
        for field in ("dims", "raw_data", "float_data"):
            tensor.ClearField(field)
    model.graph.name.encode()  # fails where it is no text, as the full reading does
    model.graph.ClearField("name")
    _sort_opsets(model)
    told = repr(emptied).encode()
    rest = [told, model.SerializeToString(deterministic=True), *file.large]
    return take(matrix, summand, places, labels, rest)


def _tensors(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Yield the constants of a graph, those that are nodes included."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant" and len(node.output) == len(node.attribute) == 1:
            yield node.output[0], node.attribute[0].t


def _values(tensor: onnx.TensorProto) -> NDArray[np.generic] | None:
    """Return a tensor's values; None where it holds no floats, or not as many as it says."""
    kind = _WIDTHS.get(tensor.data_type)
    if kind is None or (tensor.raw_data and tensor.float_data):
        return None
    stored = tensor.raw_data or np.array(tensor.float_data, "<f4").tobytes()
    if len(stored) != math.prod(tensor.dims) * np.dtype(kind).itemsize:
        return None
    return np.frombuffer(stored, kind).reshape(list(tensor.dims))


def _kind(node: onnx.NodeProto) -> str:
    """Return an operation's name; one of another maker is none that is known here."""
    own = node.domain in {"", "ai.onnx"} or node.op_type in {"ZipMap", "ArrayFeatureExtractor"}
    return node.op_type if own else f"{node.domain}.{node.op_type}"


def _take_labels(graph: onnx.GraphProto) -> tuple[str, ...] | None:
    """Take the labels out of the lookup at the end, and out of the constant beside it."""
    labels = lookup_labels(graph)
    picked = {n.input[0] for n in graph.node if n.op_type == "ArrayFeatureExtractor"}
    for node in graph.node:
        if node.op_type == "ZipMap":
            for attribute in node.attribute:
                if attribute.name in {"classlabels_strings", "classlabels_int64s"}:
                    attribute.ClearField("strings")
                    attribute.ClearField("ints")
        elif node.op_type == "Constant" and set(node.output) <= picked:
            for attribute in node.attribute:
                # The full reading cuts off the best label, and with it this constant.
                if attribute.t.data_type == onnx.TensorProto.STRING:
                    attribute.t.ClearField("dims")
                    attribute.t.ClearField("string_data")
    return labels


def _empty_shapes(graph: onnx.GraphProto, places: Places, labels: int) -> list[tuple[int, int]]:
    """Clear the number of labels where a shape of the head states it; return which those were."""
    emptied = []
    for index, value in enumerate((*graph.input, *graph.output, *graph.value_info)):
        dims = value.type.tensor_type.shape.dim
        axis = label_axis([dim.dim_value for dim in dims], labels)
        if value.name in places.shaped and axis is not None:
            dims[axis].ClearField("dim_value")
            emptied.append((index, axis))
    return emptied


def _sort_opsets(model: onnx.ModelProto) -> None:
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    if len({opset.domain for opset in opsets}) == len(opsets):
        copies = [onnx.OperatorSetIdProto.FromString(o.SerializeToString()) for o in opsets]
        del model.opset_import[:]
        model.opset_import.extend(copies)
