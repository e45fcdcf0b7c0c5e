# SPDX-License-Identifier: Apache-2.0
"""A graph that is being written anew, in the operations of another opset."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import onnx
from onnx import helper

from trunkline.errors import UnsupportedExportError
from trunkline.exports.onnx_shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Rewriting"]


class Rewriting:
    """Takes the new nodes, each after those it takes from, and knows the shapes between them.

    Args:
        graph: Holds the inputs and constants; the nodes are added to it.
        from_opset: The version of the operations it was read in, for messages.
        to_opset: The version of the operations that are added.
        source: The model's file, for messages.

    Attributes:
        shapes: The shapes of all tensors so far.
    """

    def __init__(
        self, graph: onnx.GraphProto, *, from_opset: int, to_opset: int, source: Path
    ) -> None:
        self._graph = graph
        self._from_opset = from_opset
        self._source = source
        self.shapes = Shapes(graph, to_opset, source)

    def keep(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> None:
        """Add a node of the same operation, with these attributes."""
        self.add(node.op_type, node.input, node.output, attributes)

    def add(
        self,
        operation: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Add a node, named after its first output."""
        node = helper.make_node(operation, inputs, outputs, outputs[0], **attributes)
        self.shapes.add(node)
        self._graph.node.append(node)

    def add_constant(self, name: str, values: Sequence[int]) -> str:
        """Add whole numbers as a constant, and return its name."""
        tensor = helper.make_tensor(name, onnx.TensorProto.INT64, [len(values)], values)
        self.shapes.add_constant(tensor)
        self._graph.initializer.append(tensor)
        return name

    def unsupported(self, node: onnx.NodeProto, how: str = "") -> UnsupportedExportError:
        """Return the error that says that an operation cannot be rewritten."""
        return UnsupportedExportError(
            self._source,
            f"it holds the operation {node.op_type}{how} of ONNX opset {self._from_opset}, which "
            "Trunkline cannot run. Export it again in a newer format.",
        )
