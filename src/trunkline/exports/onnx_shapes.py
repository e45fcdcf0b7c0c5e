# SPDX-License-Identifier: Apache-2.0
"""The shapes of a graph's tensors, one operation at a time, by ONNX's own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import defs, helper, shape_inference

from trunkline.errors import UnsupportedExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Shapes"]


class Shapes:
    """What is known of the shapes of a graph's tensors so far.

    Args:
        graph: Gives the shapes of the inputs and of the constants.
        opset: The version of the operations that will be added.
        source: The model's file, for messages.
    """

    def __init__(self, graph: onnx.GraphProto, opset: int, source: Path) -> None:
        self._opset = opset
        self._source = source
        self._types = {value.name: value.type for value in graph.input}
        self._constants: dict[str, onnx.TensorProto] = {}
        for tensor in graph.initializer:
            self.add_constant(tensor)

    def add_constant(self, tensor: onnx.TensorProto) -> None:
        """Take note of a constant."""
        self._types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        if tensor.data_type == onnx.TensorProto.INT64:  # a shape, which other shapes depend on
            self._constants[tensor.name] = tensor

    def add(self, node: onnx.NodeProto) -> None:
        """Work out the outputs of a node whose inputs are known.

        An operation that ONNX has no rules for, such as ImageScaler, keeps the shape of its input.
        """
        if not defs.has(node.op_type, self._opset, node.domain):
            self._types[node.output[0]] = self._types[node.input[0]]
            return
        schema = defs.get_schema(node.op_type, self._opset, node.domain)
        types = {name: self._types[name] for name in node.input if name}
        self._types |= shape_inference.infer_node_outputs(schema, node, types, self._constants)

    def rank(self, name: str) -> int:
        """Return how many dimensions a tensor has.

        Raises:
            UnsupportedExportError: The model does not say.
        """
        return len(self._shape(name).dim)

    def spatial(self, name: str) -> tuple[int, ...]:
        """Return a tensor's sizes after the batch and the channels.

        Raises:
            UnsupportedExportError: The model does not say.
        """
        sizes = [d.dim_value for d in self._shape(name).dim[2:]]
        if not all(sizes):
            raise self._unknown(name)
        return tuple(sizes)

    def _shape(self, name: str) -> onnx.TensorShapeProto:
        tensor: onnx.TypeProto.Tensor = self._types[name].tensor_type
        if not tensor.HasField("shape"):
            raise self._unknown(name)
        return tensor.shape

    def _unknown(self, name: str) -> UnsupportedExportError:
        return UnsupportedExportError(
            self._source,
            f"the shape of its tensor {name!r} is not known before a picture comes, and its old "
            "operations cannot be read without. Export it with a fixed input size.",
        )
