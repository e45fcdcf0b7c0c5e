# SPDX-License-Identifier: Apache-2.0
"""Cutting a segment out of a graph, as a graph of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openvino
from openvino import opset13 as ops

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.graphs.identity import Identity
    from trunkline.graphs.merging import Tensor

__all__ = ["cut"]


def cut(
    graph: openvino.Model,
    names: Mapping[Identity, str],
    takes: Sequence[Tensor],
    gives: Sequence[Tensor],
) -> openvino.Model:
    """Return the part of a graph between tensors.

    Args:
        graph: A graph in normal form that has all of the part; it is left as it is.
        names: From an operation's identity to its friendly name in ``graph``.
        takes: The tensors the part begins with, in the order of the new graph's inputs.
        gives: The tensors it ends with, in the order of the new graph's outputs.
    """
    copy = graph.clone()
    by_name = {node.get_friendly_name(): node for node in copy.get_ordered_ops()}
    ends = [by_name[names[tensor.identity]].output(tensor.port) for tensor in gives]
    inputs = [_begin(by_name[names[tensor.identity]], tensor.port) for tensor in takes]
    return openvino.Model(ends, inputs)


def _begin(node: openvino.Node, index: int) -> openvino.Node:
    """Put a parameter in the place of an operation's output."""
    if node.get_type_name() == "Parameter":
        return node
    port = node.output(index)
    parameter = ops.parameter(port.get_partial_shape(), port.get_element_type())
    for user in list(port.get_target_inputs()):
        user.replace_source_output(parameter.output(0))
    return parameter
