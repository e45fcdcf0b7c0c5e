# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO does not check before it reads an ONNX graph.

It takes for granted that it knows every operation, and that each has its inputs and outputs, and
may end the process where that is not so; that none depends on itself, and that an opset is a small
number, and goes on for ever where they are not. ``onnx.checker`` would find most of it, and refuse
besides what does no harm: outputs of unknown rank, and the service's ImageScaler.
"""

from __future__ import annotations

import graphlib
from typing import TYPE_CHECKING

import onnx
from onnx import defs

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.onnx_walk import taken, walk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["check", "in_order"]

_OWN_DOMAINS = frozenset({"", "ai.onnx"})
# What OpenVINO's reader registers operations for, besides ONNX's own.
_OPENVINO_DOMAINS = frozenset(
    {"com.microsoft", "mmdeploy", "org.openvinotoolkit", "org.pytorch.aten"}
)
# Never in the standard, and in every export that the service made in 2018.
_EXPERIMENTAL = frozenset({"ImageScaler"})
# Far beyond what there is: 26 in 2026, one or two more each year.
_LAST_OPSET = 1000


def check(model: onnx.ModelProto, source: Path) -> None:
    """Make sure that a model, inner graphs included, can be handed to OpenVINO.

    Raises:
        ExportError: An operation has too few or too many inputs or outputs, or depends on itself,
            or an opset is absurd.
        UnsupportedExportError: An operation is none of ONNX's own, nor OpenVINO's.
    """
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    for version in opsets.values():
        if not 1 <= version <= _LAST_OPSET:
            problem = f"it says that it needs ONNX opset {version}. Export it again."
            raise ExportError(source, problem)
    for node in walk(model, onnx.NodeProto):
        if not _is_known(node):
            name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            problem = f"it holds the operation {name}, which Trunkline cannot run."
            raise UnsupportedExportError(source, problem)
        fault = _fault(node, opsets.get(node.domain, 1))
        if fault:
            problem = f"its operation {node.op_type} {fault}. Export it again."
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
        index: {makers[name] for name in taken(node) if name in makers}
        for index, node in enumerate(listed)
    }
    try:
        return [listed[index] for index in graphlib.TopologicalSorter(needs).static_order()]
    except graphlib.CycleError as error:
        problem = "some of its operations depend on themselves. Export it again."
        raise ExportError(source, problem) from error


def _is_known(node: onnx.NodeProto) -> bool:
    if node.domain in _OWN_DOMAINS:
        return node.op_type in _EXPERIMENTAL or defs.has(node.op_type)
    return node.domain in _OPENVINO_DOMAINS


def _fault(node: onnx.NodeProto, opset: int) -> str:
    """Return what is wrong with a node's inputs and outputs; nothing where all is well."""
    if not defs.has(node.op_type, opset, node.domain):
        return "" if node.input else "lacks an input"
    schema = defs.get_schema(node.op_type, opset, node.domain)
    optional = defs.OpSchema.FormalParameterOption.Optional
    required = [parameter.option != optional for parameter in schema.inputs]
    left_open = any(needed and not name for name, needed in zip(node.input, required, strict=False))
    if len(node.input) < schema.min_input or left_open:
        return "lacks an input"
    if len(node.output) < schema.min_output:
        return "lacks an output"
    if len(node.input) > schema.max_input or len(node.output) > schema.max_output:
        return "has too many inputs or outputs"
    return ""
