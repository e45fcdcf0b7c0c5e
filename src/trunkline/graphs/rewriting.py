# SPDX-License-Identifier: Apache-2.0
"""Small steps that change an OpenVINO graph in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from openvino import opset13 as ops

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Rule",
    "apply_rules",
    "constant",
    "constant_of",
    "inputs_of",
    "is_constant",
    "replace",
    "static_shape",
]

Rule = Callable[[openvino.Node], bool]

# NumPy shows other types, such as bfloat16 or four bits, as some type of the same width.
_NUMPY_TYPES = frozenset(
    {"boolean", "f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"}
)


def apply_rules(graph: openvino.Model, rules: Mapping[str, Sequence[Rule]]) -> None:
    """Apply rules, by type of operation, until none changes anything.

    Args:
        graph: Changed in place.
        rules: For each type of operation, what may be done with one; a rule says whether it did.
    """
    # A list, for any() of a generator would stop at the first change.
    while any([_apply_once(node, rules) for node in graph.get_ordered_ops()]):  # noqa: C419
        graph.validate_nodes_and_infer_types()


def _apply_once(node: openvino.Node, rules: Mapping[str, Sequence[Rule]]) -> bool:
    return any(rule(node) for rule in rules.get(node.get_type_name(), ()))


def replace(node: openvino.Node, port: openvino.Output) -> None:
    """Let everything that used the node's first output use ``port``.

    What was made to replace the node goes by its name, which a person may know.
    """
    if not port.get_target_inputs():
        port.get_node().set_friendly_name(node.get_friendly_name())
    for user in list(node.output(0).get_target_inputs()):
        user.replace_source_output(port)


def constant(values: NDArray[np.generic]) -> openvino.Output:
    """Return a new constant's output."""
    # Contiguous, for OpenVINO misreads some others; ascontiguousarray would give scalars an axis.
    return ops.constant(np.asarray(values, order="C")).output(0)


def constant_of(port: openvino.Output) -> NDArray[Any] | None:
    """Return a constant's values, as a view of them.

    Returns:
        None for anything but a constant, and for one of a type that NumPy does not have.
    """
    if not is_constant(port) or port.get_element_type().get_type_name() not in _NUMPY_TYPES:
        return None
    values: NDArray[Any] = port.get_node().get_data()
    return values


def is_constant(port: openvino.Output) -> bool:
    """Tell whether a tensor is stored in the graph."""
    return bool(port.get_node().get_type_name() == "Constant")


def static_shape(port: openvino.Output) -> list[int]:
    """Return a tensor's shape, -1 where a length is not fixed; empty where even the rank is not."""
    shape = port.get_partial_shape()
    # By number, for to iterate takes OpenVINO thirty times as long.
    if shape.is_static:
        lengths = port.get_shape()
        return [lengths[axis] for axis in range(len(lengths))]
    if not shape.rank.is_static:
        return []
    dimensions = [shape[axis] for axis in range(len(shape))]
    return [d.get_length() if d.is_static else -1 for d in dimensions]


def inputs_of(node: openvino.Node) -> Iterator[openvino.Output]:
    """Yield the tensors that an operation takes."""
    for index in range(node.get_input_size()):
        yield node.input_value(index)
