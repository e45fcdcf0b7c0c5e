# SPDX-License-Identifier: Apache-2.0
"""The normal form keeps the function, and is the same for a network written in other ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openvino import opset13 as ops

from graphs.networks import (
    Conv,
    Dense,
    Dialect,
    Fork,
    Mean,
    Network,
    Norm,
    Pool,
    Residual,
    contract_of,
    dialects,
    fed,
    networks,
    picture,
    run,
)
from graphs.writing import graph_of
from trunkline.contracts import InputContract, Preset
from trunkline.graphs import normal_form as module
from trunkline.graphs.merging import outline
from trunkline.graphs.normal_form import normal_form

EVERYTHING = Network(
    (
        Conv(), Conv(depthwise=True, padding=(1, 0, 1, 1)), Norm(), Pool(padding="same", kernel=3),
        Pool("average", 3, 1, "same"), Residual(), Fork(), Mean(), Dense(),
    )
)  # fmt: skip


def all_dialects():
    """Draw a dialect, or one that no reader leaves: transpositions around every operation."""
    return st.one_of(dialects(), dialects().map(lambda d: replace(d, form="NHWC")))


@settings(max_examples=20, deadline=None)
@given(networks(), all_dialects())
def test_the_function_is_kept(network, dialect):
    graph, contract = graph_of(network, dialect), contract_of(network, dialect)
    normal, wanted = normal_form(graph, contract)
    tensor = picture(network)
    before = run(graph, fed(tensor, contract))[0]
    after = run(normal, fed(tensor, wanted))[0]
    assert before.shape == after.shape
    assert np.isfinite(before).all()
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5 * max(1, np.abs(before).max()))


@settings(max_examples=50, deadline=None)
@given(networks(), dialects())
def test_a_network_written_in_another_way_is_the_same(network, dialect):
    if dialect.form == "pb":
        # TensorFlow's batch normalisation is rounded in another order: another function.
        dialect = replace(dialect, arithmetic=True)
    plain = outline(graph_of(network), contract_of(network))
    other = outline(graph_of(network, dialect), contract_of(network, dialect))
    assert plain.contract == other.contract
    assert plain.outputs == other.outputs
    assert plain.steps.keys() == other.steps.keys()
    assert plain.features == other.features


WAYS = {
    "frozen": Dialect("pb", arithmetic=True),
    "padding by lines": Dialect(padding="lines"),
    "padding by operations": Dialect(padding="operation"),
    "mean in the contract": Dialect(mean="contract"),
    "halves": Dialect(halves=True),
    "product and sum": Dialect(arithmetic=True),
    "constants first": Dialect(swapped=True),
    "differences": Dialect(subtract=True),
    "reshapes": Dialect(noise=True),
    "transposed weights": Dialect(transposed=True),
    "mean without axes": Dialect(pooled="squeezed"),
    "mean as a pool": Dialect(pooled="pool"),
    "first pools": Dialect(old_pools=True),
}


@pytest.mark.parametrize("dialect", WAYS.values(), ids=WAYS)
def test_each_way_by_itself(dialect):
    plain = outline(graph_of(EVERYTHING), contract_of(EVERYTHING))
    other = outline(graph_of(EVERYTHING, dialect), contract_of(EVERYTHING, dialect))
    assert plain.outputs == other.outputs


def test_the_graph_that_is_given_stays_as_it_is():
    graph = graph_of(EVERYTHING)
    before = [(n.get_type_name(), n.get_friendly_name()) for n in graph.get_ordered_ops()]
    normal_form(graph, contract_of(EVERYTHING))
    after = [(n.get_type_name(), n.get_friendly_name()) for n in graph.get_ordered_ops()]
    assert before == after


def test_a_normal_form_is_its_own_normal_form():
    first = outline(graph_of(EVERYTHING), contract_of(EVERYTHING))
    second = outline(first.graph, first.contract)
    assert first.outputs == second.outputs
    assert first.steps.keys() == second.steps.keys()


def plain_graph(shape, make, dtype="f32"):
    taken = ops.parameter(list(shape), getattr(openvino.Type, dtype), name="in")
    made = make(taken)
    nodes = made if isinstance(made, list) else [made]
    return openvino.Model([node.output(0) for node in nodes], [taken], "plain")


def test_the_input_becomes_one_picture_with_channels_last():
    graph = plain_graph((-1, 3, 8, 6), ops.relu)
    contract = InputContract(8, 6, Preset.SAMPLE_STRETCH, layout="NCHW", mean=(1.0, 2.0, 3.0))
    normal, wanted = normal_form(graph, contract)
    assert wanted == replace(contract, layout="NHWC", mean=(0.0, 0.0, 0.0))
    assert list(normal.inputs[0].get_shape()) == [1, 8, 6, 3]
    tensor = np.random.default_rng(0).normal(size=(1, 8, 6, 3)).astype(np.float32)
    expected = np.maximum(tensor - np.array([1, 2, 3], np.float32), 0).transpose(0, 3, 1, 2)
    assert run(normal, tensor)[0].tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("kept", [{"std": (1.0, 2.0, 1.0)}, {"dtype": "float16"}])
def test_a_mean_that_cannot_be_taken_off_exactly_stays_with_the_contract(kept):
    dtype = "f16" if "dtype" in kept else "f32"
    graph = plain_graph((1, 8, 6, 3), ops.relu, dtype)
    contract = InputContract(8, 6, Preset.SAMPLE_STRETCH, mean=(1.0, 2.0, 3.0), **kept)
    normal, wanted = normal_form(graph, contract)
    assert wanted == contract
    kinds = [node.get_type_name() for node in normal.get_ordered_ops()]
    assert kinds == ["Parameter", "Relu", "Result"]


def test_sizes_that_vary_stay_open():
    graph = plain_graph((1, 3, -1, -1), ops.relu)
    contract = InputContract(64, 64, Preset.DETECTOR_COMPACT, layout="NCHW")
    normal, _ = normal_form(graph, contract)
    assert str(normal.inputs[0].get_partial_shape()) == "[1,?,?,3]"
    tensor = np.ones((1, 2, 5, 3), np.float32)
    assert run(normal, tensor)[0].shape == (1, 3, 2, 5)


def test_names_and_order_of_outputs_stay():
    def make(taken):
        nodes = [ops.tanh(taken), ops.relu(taken), taken]
        for node, name in zip(nodes, ("second", "first", "third"), strict=True):
            node.output(0).set_names({name})
        return nodes

    graph = plain_graph((1, 8, 6, 3), make)
    normal, _ = normal_form(graph, InputContract(8, 6, Preset.SAMPLE_STRETCH))
    assert [sorted(port.get_names()) for port in normal.outputs][:2] == [["second"], ["first"]]
    assert "third" in normal.outputs[2].get_names()
    tensor = np.full((1, 8, 6, 3), -0.5, np.float32)
    tanh, relu, itself = run(normal, tensor)
    assert tanh.min() < -0.4
    assert relu.max() == 0
    assert (itself == tensor).all()


def test_a_graph_of_another_size_is_refused():
    graph = plain_graph((1, 8, 6, 3), lambda x: ops.reshape(x, [1, 144], special_zero=False))
    with pytest.raises(RuntimeError):
        normal_form(graph, InputContract(9, 6, Preset.SAMPLE_STRETCH))


def named_alike(taken):
    nodes = [make(taken) for make in (ops.relu, ops.tanh, ops.exp, ops.sigmoid)]
    for node in nodes[:3]:
        node.set_friendly_name("same")
    nodes[3].set_friendly_name("same 2")
    return [ops.abs(nodes[0]), ops.sqrt(nodes[1]), nodes[2], ops.sin(nodes[3])]


def test_friendly_names_become_unlike():
    graph = plain_graph((1, 8, 6, 3), named_alike)
    names_of_each = [node.get_friendly_name() for node in graph.get_ordered_ops()]
    assert names_of_each.count("same") == 3
    normal, _ = normal_form(graph, InputContract(8, 6, Preset.SAMPLE_STRETCH))
    names = [node.get_friendly_name() for node in normal.get_ordered_ops()]
    assert len(set(names)) == len(names)


def test_names_that_are_made_here_are_told_apart_too():
    """OpenVINO tells the names of a file apart, before our rules make more operations."""
    graph = plain_graph((1, 8, 6, 3), named_alike)
    module._tell_names_apart(graph)
    names = [node.get_friendly_name() for node in graph.get_ordered_ops()]
    assert len(set(names)) == len(names)
    assert {"same", "same 2", "same 3", "same 4"} <= set(names)


def test_widened_constants_do_not_keep_openvino_from_fusing():
    network = Network((Conv(relu=False), Norm(relu=False), Pool(), Mean(), Dense()))
    for dialect in (Dialect(halves=True), Dialect(halves=True, padding="operation")):
        normal, _ = normal_form(graph_of(network, dialect), contract_of(network, dialect))
        kinds = [node.get_type_name() for node in normal.get_ordered_ops()]
        assert "Convert" not in kinds
        assert "Pad" not in kinds
        assert "Multiply" not in kinds
