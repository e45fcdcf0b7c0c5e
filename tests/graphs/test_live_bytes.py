# SPDX-License-Identifier: Apache-2.0
"""The bytes of tensors that are alive at one moment of a call."""

from __future__ import annotations

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.contracts import InputContract, Preset
from trunkline.graphs.cost import at_size, live_bytes

PLANE = 4 * 8 * 8  # bytes of one channel


def model(port: openvino.Output, picture: openvino.Node) -> openvino.Model:
    return openvino.Model([port], [picture], "m")


def pictures(channels: int = 1) -> openvino.Node:
    return ops.parameter([1, channels, 8, 8], openvino.Type.f32)


def convolved(port: openvino.Output, channels: int) -> openvino.Output:
    weights = np.ones((channels, port.get_shape()[1], 3, 3), np.float32)
    return ops.convolution(port, weights, [1, 1], [1, 1], [1, 1], [1, 1]).output(0)


def members(graph: openvino.Model) -> set[str]:
    odd = {"Parameter", "Constant", "Result"}
    nodes = graph.get_ordered_ops()
    return {node.get_friendly_name() for node in nodes if node.get_type_name() not in odd}


def test_what_is_read_and_what_is_written_are_alive_together() -> None:
    picture = pictures()
    graph = model(convolved(convolved(convolved(picture.output(0), 2), 8), 3), picture)
    assert live_bytes(graph, members(graph)) == (8 + 3) * PLANE


def test_what_changes_values_one_by_one_works_in_place() -> None:
    picture = pictures()
    biased = ops.add(convolved(picture.output(0), 8), np.ones((1, 8, 1, 1), np.float32))
    activated = ops.relu(biased).output(0)
    graph = model(convolved(activated, 2), picture)
    assert live_bytes(graph, members(graph)) == (8 + 2) * PLANE


def test_a_tensor_lives_until_its_last_use() -> None:
    picture = pictures()
    early = convolved(picture.output(0), 5)
    late = convolved(convolved(early, 1), 5)
    graph = model(ops.add(early, late).output(0), picture)  # of two tensors, and so not in place
    assert live_bytes(graph, members(graph)) == (5 + 5 + 5) * PLANE


def test_an_output_that_nobody_takes_costs_nothing() -> None:
    picture = pictures(4)
    pool = ops.max_pool(picture, [1, 1], [1, 1], [0, 0], [0, 0], [1, 1])  # the second: indices
    graph = model(convolved(pool.output(0), 1), picture)
    assert live_bytes(graph, members(graph)) == (4 + 1) * PLANE


def test_only_what_is_run_counts() -> None:
    picture = pictures()
    first = convolved(picture.output(0), 9)
    last = convolved(first, 2)
    graph = model(last, picture)
    assert live_bytes(graph, {last.get_node().get_friendly_name()}) == 2 * PLANE
    assert live_bytes(graph, set()) == 0


def test_an_open_size_becomes_the_contracts() -> None:
    picture = ops.parameter([1, -1, -1, 3], openvino.Type.f32)
    graph = openvino.Model([ops.relu(picture).output(0)], [picture], "m")
    contract = InputContract(20, 30, Preset.DETECTOR_COMPACT)
    fixed = at_size(graph, contract)
    assert list(fixed.outputs[0].get_shape()) == [1, 20, 30, 3]
    assert graph.is_dynamic()
    assert at_size(fixed, contract) is fixed
