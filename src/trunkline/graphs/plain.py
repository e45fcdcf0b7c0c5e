# SPDX-License-Identifier: Apache-2.0
"""The normal form of plain networks, without OpenVINO's transformations.

Those are some hundred searches for patterns, most of which a chain of convolutions, rectifiers and
pools cannot have; for it they take longer than all the rest of the normal form together. What they
would do with such a network is done by a few rules here, and what these leave is looked at once
more: only where nothing is left on which OpenVINO would do anything is the network taken to be
plain. Any other goes through all of the transformations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino
from openvino import opset13 as ops
from openvino.passes import ConstantFolding, Manager

from trunkline.graphs.rewriting import (
    apply_rules,
    constant,
    constant_of,
    inputs_of,
    is_constant,
    replace,
)
from trunkline.graphs.rules import RULES, padding_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trunkline.graphs.rewriting import Rule

__all__ = ["TO_CHANNELS_FIRST", "TO_CHANNELS_LAST", "fold_constants", "plain_form"]

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)

_SETTLED = frozenset(
    {"Add", "AvgPool", "Concat", "Constant", "Convolution", "MatMul", "MaxPool", "Multiply"}
    | {"Parameter", "ReduceMean", "Relu", "Reshape", "Result", "Sigmoid", "Softmax", "Transpose"}
)
# What may be there at first: what the rules do away with, and the arithmetic of shapes, which is
# constant once the picture's size is fixed.
_READ = _SETTLED | {
    *("BatchNormInference", "Broadcast", "Gather", "Pad", "Range", "ShapeOf", "Squeeze"),
    *("Subtract", "Unsqueeze"),
}


def plain_form(graph: openvino.Model) -> openvino.Model | None:
    """Return a plain network in normal form; None where it is another kind of network.

    Args:
        graph: It takes one picture, channels last; it is left as it is.
    """
    if graph.is_dynamic() or any(n.get_type_name() not in _READ for n in graph.get_ordered_ops()):
        return None
    graph = graph.clone()
    fold_constants(graph)
    apply_rules(graph, _RULES)
    fold_constants(graph)
    return graph if all(map(_is_settled, graph.get_ordered_ops())) else None


def fold_constants(graph: openvino.Model) -> None:
    """Work out what depends on nothing but constants."""
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(graph)


def _is_settled(node: openvino.Node) -> bool:
    """Tell whether OpenVINO would leave an operation as it is, among operations like it."""
    kind = node.get_type_name()
    if kind in {"Constant", "Parameter"}:
        return True
    if kind not in _SETTLED or node.output(0).get_element_type() != openvino.Type.f32:
        return False
    return _PLACES.get(kind, _works_on_data)(node, node.input_value(0).get_node().get_type_name())


def _works_on_data(_node: openvino.Node, data: str) -> bool:
    return data != "Constant"


def _is_first_transposition(node: openvino.Node, data: str) -> bool:
    return data == "Parameter" and _order(node) == TO_CHANNELS_FIRST


def _is_factor_of_picture(node: openvino.Node, data: str) -> bool:
    """Tell a factor that is not next to a convolution, whose weights it would be worked into."""
    return data == "Transpose" and _has_constant(node) and _users(node) == {"Add"}


def _is_bias_or_shift(node: openvino.Node, data: str) -> bool:
    shifts = data in {"Multiply", "Transpose"} and _users(node) == {"Convolution"}
    return _has_constant(node) and (shifts or data in {"Convolution", "MatMul"})


def _is_weighted(node: openvino.Node, _data: str) -> bool:
    return _has_constant(node)


def _joins_once(node: openvino.Node, _data: str) -> bool:
    """Tell that several tensors are joined, none of which was joined before."""
    kinds = {port.get_node().get_type_name() for port in inputs_of(node)}
    return node.get_input_size() > 1 and kinds.isdisjoint({"Concat", "Constant"})


_PLACES: Mapping[str, Callable[[openvino.Node, str], bool]] = {
    "Add": _is_bias_or_shift,
    "Concat": _joins_once,
    "Convolution": _is_weighted,
    "MatMul": _is_weighted,
    "Multiply": _is_factor_of_picture,
    "Transpose": _is_first_transposition,
}
"""Where an operation has to be, by type; it is also told what makes the first tensor it takes."""


def _has_constant(node: openvino.Node) -> bool:
    """Tell whether an operation of two tensors takes one, and a constant behind it."""
    return is_constant(node.input_value(1)) and not is_constant(node.input_value(0))


def _users(node: openvino.Node) -> set[str]:
    return {user.get_node().get_type_name() for user in node.output(0).get_target_inputs()}


def _order(node: openvino.Node) -> tuple[int, ...] | None:
    order = constant_of(node.input_value(1))
    return None if order is None else tuple(order.reshape(-1).tolist())


def _norm_in_two_steps(node: openvino.Node) -> bool:
    """Write a batch normalisation as a product and a sum, rounded as OpenVINO rounds them."""
    gamma, beta, mean, variance = (constant_of(node.input_value(i)) for i in range(1, 5))
    if gamma is None or beta is None or mean is None or variance is None:
        return False
    epsilon = np.float32(node.get_attributes()["epsilon"])
    with np.errstate(all="ignore"):  # what is no number then is none in OpenVINO either
        factor = gamma / np.sqrt(variance + epsilon)
        summand = beta - mean * factor
    by_channel = (1, -1, *[1] * (len(node.get_output_shape(0)) - 2))
    product = ops.multiply(node.input_value(0), constant(factor.reshape(by_channel)))
    replace(node, ops.add(product, constant(summand.reshape(by_channel))).output(0))
    return True


def _convolution_that_pads_itself(node: openvino.Node) -> bool:
    """Merge padding by zeros with the convolution behind it, which pads with zeros too."""
    pad = node.input_value(0).get_node()
    padding = padding_of(pad)
    if padding is None:
        return False
    (begin, end, filling), attributes = padding, node.get_attributes()
    # Same padding depends on the size, which the explicit padding has changed.
    if filling != 0 or min([*begin, *end]) < 0 or attributes["auto_pad"].startswith("same"):
        return False
    convolution = ops.convolution(
        pad.input_value(0),
        node.input_value(1),
        attributes["strides"],
        _sums(attributes["pads_begin"], begin),
        _sums(attributes["pads_end"], end),
        attributes["dilations"],
    )
    replace(node, convolution.output(0))
    return True


def _sums(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [first + second for first, second in zip(one, other, strict=True)]


def _before_channels_are_last(node: openvino.Node) -> bool:
    """Do arithmetic with a constant before the channels are made the last axis, not behind it."""
    moved = node.input_value(0).get_node()
    if moved.get_type_name() != "Transpose" or _order(moved) != TO_CHANNELS_LAST:
        return False
    values = constant_of(node.input_value(1))
    if values is None or values.ndim != 4:
        return False
    operation = {"Add": ops.add, "Multiply": ops.multiply}[node.get_type_name()]
    done = operation(moved.input_value(0), constant(values.transpose(TO_CHANNELS_FIRST)))
    replace(node, ops.transpose(done, moved.input_value(1)).output(0))
    return True


def _drop_zero(node: openvino.Node) -> bool:
    """``x + 0`` is ``x``, but that a negative zero is no longer a positive one."""
    summand, data = constant_of(node.input_value(1)), node.input_value(0)
    if summand is None or summand.any():
        return False
    if data.get_partial_shape() != node.output(0).get_partial_shape():
        return False
    replace(node, data)
    return True


def _nothing_instead_of_there_and_back(node: openvino.Node) -> bool:
    """Leave out two transpositions of which the second undoes the first."""
    first = node.input_value(0).get_node()
    if first.get_type_name() != "Transpose":
        return False
    orders = _order(first), _order(node)
    if None in orders or set(orders) != {TO_CHANNELS_FIRST, TO_CHANNELS_LAST}:
        return False
    replace(node, first.input_value(0))
    return True


_RULES: Mapping[str, Sequence[Rule]] = {
    **RULES,
    "Add": (*RULES["Add"], _drop_zero, _before_channels_are_last),
    "BatchNormInference": (_norm_in_two_steps,),
    "Convolution": (_convolution_that_pads_itself, *RULES["Convolution"]),
    "Multiply": (*RULES["Multiply"], _before_channels_are_last),
    "Transpose": (_nothing_instead_of_there_and_back, *RULES["Transpose"]),
}
