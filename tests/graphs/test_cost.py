# SPDX-License-Identifier: Apache-2.0
"""Costs, counted by hand."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from trunkline.contracts import InputContract, Preset
from trunkline.graphs.cost import at_size, live_bytes, macs, weight_bytes


def tensor(*shape):
    return ops.parameter(list(shape), openvino.Type.f32)


def ones(*shape):
    return ops.constant(np.ones(shape, np.float32))


def convolution(x, w, make=ops.convolution, stride=1, pad=0):
    return make(x, w, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        # Each of 4 * 4 * 5 outputs is a sum of 3 * 3 * 3 products.
        (convolution(tensor(1, 3, 6, 6), ones(5, 3, 3, 3)), 4 * 4 * 5 * 27),
        (convolution(tensor(1, 3, 6, 6), ones(5, 3, 3, 3), stride=2, pad=1), 3 * 3 * 5 * 27),
        (convolution(tensor(1, 4, 6, 6), ones(2, 3, 2, 3, 3), ops.group_convolution), 16 * 6 * 18),
        (convolution(tensor(1, 4, 6, 6), ones(4, 1, 1, 3, 3), ops.group_convolution), 16 * 4 * 9),
        # Each of 3 * 6 * 6 inputs is spread over 5 * 2 * 2 outputs.
        (
            ops.convolution_backprop_data(tensor(1, 3, 6, 6), ones(3, 5, 2, 2), [2, 2]),
            3 * 36 * 5 * 4,
        ),
        (
            ops.group_convolution_backprop_data(tensor(1, 4, 6, 6), ones(2, 2, 3, 2, 2), [2, 2]),
            4 * 36 * 3 * 4,
        ),
        # Sixteen cells for a length that is open.
        (convolution(tensor(1, 3, -1, 6), ones(5, 3, 1, 1)), 16 * 6 * 5 * 3),
        (ops.matmul(tensor(1, 8), ones(8, 3), False, False), 24),
        (ops.matmul(tensor(1, 8), ones(3, 8), False, True), 24),
        (ops.matmul(tensor(8, 2), ones(8, 3), True, False), 48),
        (ops.matmul(tensor(5, 2, 8), ones(8, 3), False, False), 5 * 2 * 8 * 3),
        (ops.matmul(tensor(8), ones(8), True, False), 8),
        (ops.matmul(tensor(1, -1), ones(8, 3), False, False), 16 * 3),
        (ops.relu(tensor(1, 8)), 0),
        (ops.max_pool(tensor(1, 3, 6, 6), [1, 1], [1, 1], [0, 0], [0, 0], [2, 2]), 0),
    ],
)
def test_multiply_accumulates(node, expected):
    assert macs(node) == expected


def test_a_product_of_open_rank_costs_nothing_that_can_be_told():
    node = ops.matmul(
        ops.parameter(openvino.PartialShape.dynamic(), openvino.Type.f32), ones(8, 3), False, False
    )
    assert macs(node) >= 0


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (convolution(tensor(1, 3, 6, 6), ones(5, 3, 3, 3)), 5 * 27 * 4),
        (ops.add(tensor(1, 3), ops.constant(np.ones(3, np.float16).astype(np.float32))), 12),
        (ops.reshape(tensor(1, 4), np.array([2, 2], np.int64), False), 16),
        (ops.add(tensor(1, 3), tensor(1, 3)), 0),
        (
            ops.convert(
                openvino.op.Constant(openvino.Type.bf16, openvino.Shape([3]), [1.0] * 3), "f32"
            ),
            6,
        ),
    ],
)
def test_bytes_of_weights(node, expected):
    assert weight_bytes(node) == expected


def graph_of(make, shape=(1, 8, 6, 3)):
    taken = ops.parameter(list(shape), openvino.Type.f32, name="in")
    made = make(taken)
    return openvino.Model([node.output(0) for node in made], [taken])


def everything(graph):
    return {node.get_friendly_name() for node in graph.get_ordered_ops()}


class TestSize:
    CONTRACT = InputContract(64, 32, Preset.DETECTOR_COMPACT)

    def test_an_open_size_becomes_the_contracts(self):
        graph = graph_of(lambda x: [ops.relu(x)], (1, -1, -1, 3))
        fixed = at_size(graph, self.CONTRACT)
        assert list(fixed.outputs[0].get_shape()) == [1, 64, 32, 3]
        assert graph.is_dynamic()

    def test_a_fixed_graph_is_itself(self):
        graph = graph_of(lambda x: [ops.relu(x)])
        assert at_size(graph, self.CONTRACT) is graph


class TestLiveBytes:
    PLANE = 8 * 6 * 3 * 4

    def live(self, make, members=None):
        graph = graph_of(make)
        return live_bytes(graph, everything(graph) if members is None else members(graph))

    def test_a_chain_holds_what_it_takes_and_what_it_gives(self):
        assert self.live(lambda x: [ops.exp(ops.exp(ops.exp(x)))]) == 2 * self.PLANE

    def test_what_works_in_place_holds_one(self):
        assert self.live(lambda x: [ops.relu(ops.relu(x))]) == self.PLANE

    def test_in_place_needs_a_tensor_of_the_same_size(self):
        def make(x):
            return [ops.multiply(x, np.ones((2, 8, 6, 3), np.float32))]

        assert self.live(make) == 3 * self.PLANE

    def test_a_branch_holds_what_is_taken_later(self):
        def make(x):
            first = ops.exp(x)
            return [ops.add(first, ops.exp(ops.exp(first)))]

        assert self.live(make) == 3 * self.PLANE

    def test_only_what_is_run_counts(self):
        def make(x):
            nodes = [ops.exp(x)]
            nodes.append(ops.concat([nodes[0], nodes[0]], 1))
            return [nodes[-1]]

        def first(graph):
            return {
                n.get_friendly_name() for n in graph.get_ordered_ops() if n.get_type_name() == "Exp"
            }

        assert self.live(make, first) == self.PLANE
        assert self.live(make, lambda graph: set()) == 0
