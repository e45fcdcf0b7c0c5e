# SPDX-License-Identifier: Apache-2.0
"""Small steps that change an OpenVINO graph in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

__all__ = [
    "Rule",
    "apply_rules",
    "constant",
    "constant_of",
    "inputs_of",
    "replace",
    "static_shape",
]

Rule = Callable[[openvino.Node], bool]


def apply_rules(graph: openvino.Model, rules: dict[str, Sequence[Rule]]) -> None:
    """Apply rules, by type of operation, until none changes anything.

    Args:
        graph: Changed in place.
        rules: For each type of operation, what may be done with one; a rule says whether it did.
    """
    while any([_apply_once(node, rules) for node in graph.get_ordered_ops()]):
        graph.validate_nodes_and_infer_types()


def _apply_once(node: openvino.Node, rules: dict[str, Sequence[Rule]]) -> bool:
    return any(rule(node) for rule in rules.get(node.get_type_name(), ()))


def replace(node: openvino.Node, port: openvino.Output) -> None:
    """Let everything that used the node's only output use ``port``."""
    for user in list(node.output(0).get_target_inputs()):
        user.replace_source_output(port)


def constant(values: NDArray[np.generic]) -> openvino.Output:
    """Return a new constant's output."""
    return ops.constant(np.ascontiguousarray(values)).output(0)


def constant_of(port: openvino.Output) -> NDArray[np.generic] | None:
    """Return a constant's values; None for anything else."""
    node = port.get_node()
    if node.get_type_name() != "Constant":
        return None
    values: NDArray[np.generic] = node.get_data()
    return values


def static_shape(port: openvino.Output) -> list[int]:
    """Return a tensor's shape, -1 where a length is not fixed; empty where even the rank is not."""
    shape = port.get_partial_shape()
    if not shape.rank.is_static:
        return []
    return [d.get_length() if d.is_static else -1 for d in shape]


def inputs_of(node: openvino.Node) -> Iterator[openvino.Output]:
    """Yield the tensors that an operation takes."""
    for index in range(node.get_input_size()):
        yield node.input_value(index)
