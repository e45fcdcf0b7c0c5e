# SPDX-License-Identifier: Apache-2.0
"""Segments run one behind the other give the very bits of the whole graphs."""

from __future__ import annotations

import dataclasses

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from openvino import opset13 as ops

from graphs.networks import (
    Conv,
    Dense,
    Fork,
    Mean,
    Network,
    Norm,
    Pool,
    Residual,
    contract_of,
    families,
    picture,
    run,
)
from graphs.writing import graph_of
from trunkline.contracts import InputContract, Preset
from trunkline.graphs import sharing
from trunkline.graphs.cutting import cut
from trunkline.graphs.identity import input_identity
from trunkline.graphs.merging import Tensor, outline
from trunkline.graphs.sharing import split

CONTRACT = InputContract(8, 8, Preset.SAMPLE_STRETCH)


@pytest.fixture(autouse=True, scope="module")
def small_networks_are_worth_sharing():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing, "_WORTH_SHARING_MACS", 1)
        yield


def outline_of(make, shape=(1, 8, 8, 3)):
    taken = ops.parameter(list(shape), openvino.Type.f32)
    made = make(taken)
    nodes = made if isinstance(made, list) else [made]
    ends = [node.output(0) if isinstance(node, openvino.Node) else node for node in nodes]
    return outline(openvino.Model(ends, [taken]), CONTRACT)


def run_in_segments(outlines, tensor):
    """Run networks as split; return the segments and the answers of each network."""
    steps = {identity: step for found in outlines for identity, step in found.steps.items()}
    values = {Tensor(input_identity(found.contract), 0): tensor for found in outlines}
    segments = split([found.outputs for found in outlines], steps)
    for segment in segments:
        found = outlines[segment.users[-1]]
        graph = cut(found.graph, found.names, segment.takes, segment.gives)
        given = run(graph, *(values[t] for t in segment.takes))
        values.update(zip(segment.gives, given, strict=True))
    return segments, [[values[t] for t in found.outputs] for found in outlines]


def check(networks, tensor=None):
    outlines = [outline(graph_of(network), contract_of(network)) for network in networks]
    tensor = picture(networks[0]) if tensor is None else tensor
    segments, answers = run_in_segments(outlines, tensor)
    for found, answer in zip(outlines, answers, strict=True):
        alone = run(found.graph, tensor)
        assert [a.shape for a in alone] == [a.shape for a in answer]
        assert [a.tobytes() for a in alone] == [a.tobytes() for a in answer]
    return segments


@settings(max_examples=12, deadline=None)
@given(families())
def test_any_family_answers_the_same_bits(networks):
    check(networks)


STEM = (Conv(16, stride=2), Norm(), Residual(), Fork(8, 24))


@pytest.mark.parametrize(
    "own",
    [
        (Conv(8),),
        (Conv(8, relu=False, bias=False),),
        (Norm(1e-3),),
        (Pool("max", 3, 2),),
        (Pool("average", 3, 2),),
        (Residual(),),
        (Fork(4, 4),),
        (Conv(depthwise=True),),
        (),
    ],
    ids=str,
)
def test_each_way_to_go_on(own):
    first = Network((*STEM, Conv(12), Mean(), Dense()), 24, 20)
    other = Network((*STEM, *own, Mean(), Dense(5, "sigmoid")), 24, 20)
    segments = check([first, other])
    assert segments[0].users == (0, 1)


def test_a_trunk_that_branches():
    stem = (Conv(8), Conv(8))
    networks = [
        Network((*stem, *middle, *end, Mean(), Dense()), 24, 20)
        for middle in ((Conv(9), Conv(9)), (Conv(10), Conv(10)))
        for end in ((), (Conv(4),), (Conv(5),))
    ]
    segments = check(networks)
    users = [segment.users for segment in segments]
    assert users[0] == (0, 1, 2, 3, 4, 5)
    assert {(0, 1, 2), (3, 4, 5)} <= set(users)


@pytest.mark.parametrize("name", ["fruit-2", "meter-container-2025"])
@pytest.mark.parametrize("depth", [0.3, 0.7])
def test_a_real_export_that_another_leaves_on_the_way(outlines, name, depth):
    found = outlines[name]
    steps = list(found.steps)
    other = dataclasses.replace(found, outputs=(Tensor(steps[int(depth * len(steps))], 0),))
    shape = (1, found.contract.height, found.contract.width, 3)
    tensor = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    _, ((answer,), _) = run_in_segments([found, other], tensor)
    assert answer.tobytes() == run(found.graph, tensor)[0].tobytes()


def test_tensors_come_and_go_in_the_order_that_is_told():
    def make(x):
        best = ops.topk(ops.relu(x), np.int64(2), 3, "max", "value")
        return [ops.exp(best.output(0)), ops.convert(best.output(1), "f32")]

    found = outline_of(make)
    best = next(i for i, step in found.steps.items() if step.kind == "TopK")
    takes = [Tensor(best, port) for port in (1, 0)]
    graph = cut(found.graph, found.names, takes, found.outputs)
    assert len(graph.inputs) == 2
    places, values = np.full((1, 8, 8, 2), 7, np.int32), np.ones((1, 8, 8, 2), np.float32)
    first, last = run(graph, places, values)
    assert np.allclose(first, np.e)
    assert np.allclose(last, 7)


def test_the_graph_that_is_cut_stays_as_it_is():
    found = outline_of(lambda x: ops.exp(ops.tanh(ops.relu(x))))
    before = [n.get_friendly_name() for n in found.graph.get_ordered_ops()]
    middle = next(i for i, step in found.steps.items() if step.kind == "Tanh")
    for _ in range(2):
        graph = cut(found.graph, found.names, [Tensor(middle, 0)], found.outputs)
        assert [n.get_type_name() for n in graph.get_ordered_ops()] == [
            "Parameter", "Exp", "Result",
        ]  # fmt: skip
    assert [n.get_friendly_name() for n in found.graph.get_ordered_ops()] == before


def test_a_tensor_may_be_taken_and_go_on_in_several_ways():
    def make(x):
        middle = ops.tanh(ops.relu(x))
        return ops.add(ops.exp(middle), ops.sin(middle))

    found = outline_of(make)
    middle = next(i for i, step in found.steps.items() if step.kind == "Tanh")
    graph = cut(found.graph, found.names, [Tensor(middle, 0)], found.outputs)
    assert len(graph.inputs) == 1
    (answer,) = run(graph, np.zeros((1, 8, 8, 3), np.float32))
    assert (answer == 1).all()


def test_the_picture_stays_the_input():
    found = outline_of(lambda x: ops.exp(ops.relu(x)))
    relu = next(i for i, step in found.steps.items() if step.kind == "Relu")
    picture_tensor = Tensor(input_identity(found.contract), 0)
    graph = cut(found.graph, found.names, [picture_tensor], [Tensor(relu, 0)])
    assert graph.inputs[0].get_names() == found.graph.inputs[0].get_names()
    assert list(graph.outputs[0].get_shape()) == [1, 8, 8, 3]


def test_open_lengths_stay_open():
    contract = InputContract(64, 64, Preset.DETECTOR_COMPACT)
    taken = ops.parameter([1, -1, -1, 3], openvino.Type.f32)
    graph = openvino.Model([ops.exp(ops.tanh(taken)).output(0)], [taken])
    found = outline(graph, contract)
    tanh = next(i for i, step in found.steps.items() if step.kind == "Tanh")
    tail = cut(found.graph, found.names, [Tensor(tanh, 0)], found.outputs)
    assert str(tail.inputs[0].get_partial_shape()) == "[1,?,?,3]"


def test_an_answer_that_is_a_constant():
    labels = np.arange(3, dtype=np.float32)
    found = outline_of(lambda x: [ops.relu(x), ops.constant(labels)])
    tensor = -np.ones((1, 8, 8, 3), np.float32)
    _, ((relu, constant),) = run_in_segments([found], tensor)
    assert (relu == 0).all()
    assert (constant == labels).all()


def test_whole_numbers_and_halves_cross_a_cut():
    def make(x):
        return ops.relu(ops.convert(ops.exp(ops.convert(x, "f16")), "i32"))

    found = outline_of(make)
    conversion = [i for i, step in found.steps.items() if step.kind == "Convert"]
    takes = [Tensor(conversion[-1], 0)]
    tail = cut(found.graph, found.names, takes, found.outputs)
    assert tail.inputs[0].get_element_type() == openvino.Type.i32
