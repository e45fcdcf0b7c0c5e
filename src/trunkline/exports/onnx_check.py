# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO does not check before it reads an ONNX graph.

It takes for granted that an operation has the inputs it needs, and ends the process where one is
missing; that no operation depends on itself, and that an opset is a small number, and goes on for
ever, or nearly, where they are not. ``onnx.checker`` would
find most of it, and refuse what does no harm besides: outputs of unknown rank, and operations that it
has no description of, such as the service's ImageScaler.
"""

from __future__ import annotations

import graphlib
from typing import TYPE_CHECKING

import onnx
from onnx import defs

from trunkline.errors import ExportError
from trunkline.exports.onnx_walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["check", "in_order"]

# Far beyond what there is: 26 in 2026, one or two more each year.
_LAST_OPSET = 1000


def check(model: onnx.ModelProto, source: Path) -> None:
    """Make sure that a model, inner graphs included, can be handed to OpenVINO.

    Raises:
        ExportError: An operation lacks an input, or depends on itself, or an opset is absurd.
    """
    for opset in model.opset_import:
        if not 1 <= opset.version <= _LAST_OPSET:
            problem = f"it says that it needs ONNX opset {opset.version}. Export it again."
            raise ExportError(source, problem)
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    for node in walk(model, onnx.NodeProto):
        if not _has_inputs(node, opsets.get(node.domain, 1)):
            problem = f"its operation {node.op_type} lacks an input. Export it again."
            raise ExportError(source, problem)
    for graph in walk(model, onnx.GraphProto):
        in_order(graph.node, source)


def in_order(nodes: Iterable[onnx.NodeProto], source: Path) -> list[onnx.NodeProto]:
    """Sort the nodes of one graph so that each follows those it takes from.

    Raises:
        ExportError: There is no such order, or two nodes make the same tensor.
    """
    listed = list(nodes)
    made = [(name, index) for index, node in enumerate(listed) for name in node.output if name]
    makers = dict(made)
    if len(makers) < len(made):
        raise ExportError(source, "two of its operations make the same tensor. Export it again.")
    needs = {
        # A node that holds graphs also takes what the nodes inside them take.
        index: {makers[n] for part in walk(node, onnx.NodeProto) for n in part.input if n in makers}
        for index, node in enumerate(listed)
    }
    try:
        return [listed[index] for index in graphlib.TopologicalSorter(needs).static_order()]
    except graphlib.CycleError as error:
        problem = "some of its operations depend on themselves. Export it again."
        raise ExportError(source, problem) from error


def _has_inputs(node: onnx.NodeProto, opset: int) -> bool:
    """Return whether a node lists the inputs it cannot do without, and leaves none of them open."""
    if not defs.has(node.op_type, opset, node.domain):
        return len(node.input) > 0
    schema = defs.get_schema(node.op_type, opset, node.domain)
    optional = defs.OpSchema.FormalParameterOption.Optional
    required = [parameter.option != optional for parameter in schema.inputs]
    return len(node.input) >= schema.min_input and all(
        name or not needed for name, needed in zip(node.input, required, strict=False)
    )
