# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from trunkline.graphs.rewriting import (
    apply_rules,
    constant,
    constant_of,
    inputs_of,
    is_constant,
    replace,
    static_shape,
)


def graph_of(*makers):
    taken = ops.parameter([1, 4], openvino.Type.f32, name="in")
    node = taken
    for make in makers:
        node = make(node)
    return openvino.Model([node.output(0)], [taken])


def kinds(graph):
    return [n.get_type_name() for n in graph.get_ordered_ops()]


def test_rules_are_applied_until_none_changes_anything():
    tried = []

    def drop(node):
        tried.append(node.get_type_name())
        replace(node, node.input_value(0))
        return True

    def never(node):
        raise AssertionError(node)

    graph = graph_of(ops.relu, ops.tanh, ops.relu, ops.relu)
    apply_rules(graph, {"Relu": (drop, never), "Sigmoid": (never,)})
    assert kinds(graph) == ["Parameter", "Tanh", "Result"]
    assert len(tried) == 3


def test_the_second_rule_is_tried_where_the_first_did_nothing():
    graph = graph_of(ops.relu)
    seen = []
    apply_rules(graph, {"Relu": (lambda node: False, lambda node: seen.append(node) or False)})
    assert len(seen) == 1


def test_all_users_get_the_replacement_and_it_gets_the_name():
    taken = ops.parameter([1, 4], openvino.Type.f32)
    old = ops.relu(taken)
    old.set_friendly_name("known")
    graph = openvino.Model([ops.tanh(old).output(0), old.output(0)], [taken])
    replace(old, ops.sigmoid(taken).output(0))
    assert sorted(kinds(graph)) == ["Parameter", "Result", "Result", "Sigmoid", "Tanh"]
    assert "known" in [n.get_friendly_name() for n in graph.get_ordered_ops()]


def test_what_was_there_before_keeps_its_name():
    graph = graph_of(ops.tanh, ops.relu)
    tanh, relu = graph.get_ordered_ops()[1:3]
    tanh.set_friendly_name("mine")
    relu.set_friendly_name("yours")
    replace(relu, tanh.output(0))
    assert tanh.get_friendly_name() == "mine"


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, bool])
def test_constants_come_back_as_they_were(shape, dtype):
    values = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    port = constant(values)
    back = constant_of(port)
    assert (back.dtype, back.shape) == (values.dtype, values.shape)
    assert (back == values).all()
    assert is_constant(port)


def test_transposed_values_are_stored_as_they_read():
    values = np.arange(6, dtype=np.float16).reshape(2, 3).T
    assert (constant_of(constant(values)) == values).all()


@pytest.mark.parametrize("kind", ["bf16", "u4", "i4", "u1", "f8e4m3", "nf4"])
def test_types_that_numpy_does_not_have_are_not_read(kind):
    node = openvino.op.Constant(getattr(openvino.Type, kind), openvino.Shape([2]), [1, 0])
    assert constant_of(node.output(0)) is None
    assert is_constant(node.output(0))


def test_an_operation_is_no_constant():
    node = ops.relu(ops.constant(np.ones(1, np.float32)))
    assert constant_of(node.output(0)) is None
    assert not is_constant(node.output(0))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [([1, 4], [1, 4]), ([-1, 4], [-1, 4]), ([], []), (openvino.PartialShape.dynamic(), [])],
)
def test_shapes(shape, expected):
    assert static_shape(ops.parameter(shape, openvino.Type.f32).output(0)) == expected


def test_inputs_come_in_order():
    taken = ops.parameter([1, 4], openvino.Type.f32)
    node = ops.subtract(ops.relu(taken), taken)
    assert [port.get_node().get_type_name() for port in inputs_of(node)] == ["Relu", "Parameter"]
