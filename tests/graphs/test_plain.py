# SPDX-License-Identifier: Apache-2.0
"""Plain networks become what OpenVINO's transformations would make of them, and others are left."""

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
    contract_of,
    dialects,
    networks,
    picture,
    run,
)
from graphs.writing import graph_of
from trunkline.exports.reading import read_models
from trunkline.graphs import normal_form as module
from trunkline.graphs.merging import outline
from trunkline.graphs.plain import plain_form

SIMPLE = Network((Conv(), Pool(), Fork(), Conv(kernel=1), Mean(), Dense()))
ALSO_PLAIN = {
    "frozen": Dialect("pb"),
    "padding by operations": Dialect(padding="operation"),
    "padding by operations, frozen": Dialect("pb", padding="operation"),
    "mean in the contract": Dialect(mean="contract"),
    "halves": Dialect(halves=True),
    "constants first": Dialect(swapped=True),
    "differences": Dialect(subtract=True),
    "reshapes": Dialect(noise=True),
    "mean as a pool": Dialect(pooled="pool"),
}


def both_ways(monkeypatch, graph, contract):
    """Return a network's outline by way of the plain form, if it has one, and by OpenVINO's."""
    found = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "plain_form", lambda given: found.append(plain_form(given)))
        by_openvino = outline(graph, contract)
    return outline(graph, contract) if found[0] else None, by_openvino


def are_one(first, second):
    same = first.steps == second.steps and first.outputs == second.outputs
    return same and first.features == second.features


@pytest.mark.parametrize("dialect", ALSO_PLAIN.values(), ids=ALSO_PLAIN)
def test_it_is_what_openvino_makes_of_it(monkeypatch, dialect):
    graph, contract = graph_of(SIMPLE, dialect), contract_of(SIMPLE, dialect)
    plain, by_openvino = both_ways(monkeypatch, graph, contract)
    assert plain
    assert are_one(plain, by_openvino)


@settings(max_examples=40, deadline=None)
@given(networks(), st.one_of(dialects(), dialects().map(lambda d: replace(d, form="NHWC"))))
def test_it_always_is(network, dialect):
    graph, contract = graph_of(network, dialect), contract_of(network, dialect)
    plain, by_openvino = both_ways(pytest.MonkeyPatch(), graph, contract)
    assert plain is None or are_one(plain, by_openvino)


def test_most_real_exports_are_plain_and_become_the_same(monkeypatch, shared):
    others = set()
    for folder in sorted((shared / "models").iterdir()):
        if not folder.is_dir() or folder.name.endswith("graph-only"):
            continue
        (model,) = read_models(folder)
        plain, by_openvino = both_ways(monkeypatch, model.graph, model.contract)
        if plain is None:
            others.add(folder.name)
        else:
            assert are_one(plain, by_openvino), folder
    # ShuffleNet moves channels about, and this one's picture goes through two norms.
    assert others == {"apple-orange-container-2025", "meter-container-2025", "food-onnx-opset1"}


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 1e-3])
def test_a_norm_of_the_picture_is_rounded_as_openvino_rounds_it(monkeypatch, epsilon):
    network = Network((Norm(epsilon, relu=False), Conv(), Mean(), Dense()))
    plain, by_openvino = both_ways(monkeypatch, graph_of(network), contract_of(network))
    assert plain is None  # the writer takes off a mean before it, which makes two norms
    graph, contract = normed(epsilon), contract_of(network)
    plain, by_openvino = both_ways(monkeypatch, graph, contract)
    assert plain
    assert are_one(plain, by_openvino)
    tensor = picture(network)
    assert run(plain.graph, tensor)[0].tobytes() == run(by_openvino.graph, tensor)[0].tobytes()


def normed(epsilon):
    random = np.random.default_rng(3)
    gamma, beta, mean, variance = random.uniform(0.5, 2, (4, 3)).astype(np.float32)
    taken = ops.parameter([1, 3, 12, 11], openvino.Type.f32)
    norm = ops.batch_norm_inference(taken, gamma, beta, mean, variance, epsilon)
    return openvino.Model([convolved(norm).output(0)], [taken])


def convolved(data, channels=3):
    weights = np.arange(4 * channels, dtype=np.float32).reshape(4, channels, 1, 1)
    pads = [0, 0]
    return ops.convolution(data, ops.constant(weights), [1, 1], pads, pads, [1, 1])


def number(value, dtype=np.float32):
    return ops.constant(np.full((1, 1, 1, 1), value, dtype))


def shifted(data):
    return ops.add(data, number(3))


def padded(data, value, begin=(0, 0, 1, 1), mode="constant"):
    return ops.pad(data, np.array(begin), np.array([0, 0, 1, 1]), mode, np.float32(value))


def spot(data):
    return ops.reduce_mean(data, np.array([2, 3]), keep_dims=True)


def per_channel(data):
    return ops.reshape(spot(data), np.array([3]), special_zero=False)


def moved(data):
    return ops.transpose(data, np.array([0, 2, 3, 1]))


def joined(data):
    return ops.concat([data, data], 1)


OTHERS = {
    "an operation of another kind": ops.tanh,
    "another type": lambda x: ops.convert(ops.relu(ops.convert(x, "f16")), "f32"),
    "a factor before a convolution": lambda x: convolved(ops.multiply(x, number(3))),
    "a factor behind a convolution": lambda x: ops.multiply(convolved(x), number(3)),
    "two sums": lambda x: convolved(shifted(shifted(x))),
    "two biases": lambda x: shifted(shifted(convolved(x))),
    "a sum of two tensors": lambda x: ops.add(convolved(x), ops.relu(convolved(x))),
    "a sum before something else": lambda x: ops.relu(shifted(x)),
    "tensors joined twice": lambda x: ops.concat([joined(x), x], 1),
    "one tensor joined": lambda x: ops.concat([ops.relu(x)], 1),
    "a transposition later on": lambda x: ops.transpose(convolved(x), np.array([0, 3, 1, 2])),
    "padding by ones": lambda x: convolved(padded(x, 1)),
    "padding by what is there": lambda x: convolved(padded(x, 0, mode="edge")),
    "padding of channels": lambda x: convolved(padded(x, 0, (0, 1, 0, 0)), 4),
    "padding that takes away": lambda x: convolved(padded(x, 0, (0, 0, -1, 0))),
    "a norm by what is worked out": lambda x: ops.batch_norm_inference(
        x, per_channel(x), *[np.ones(3, np.float32)] * 3, 1e-5
    ),
    "a sum that stretches": lambda x: ops.relu(ops.add(spot(x), np.zeros((1, 1, 2, 2), "f4"))),
    "channels moved twice": lambda x: ops.transpose(moved(x), np.array([0, 2, 3, 1])),
    "weights that are worked out": lambda x: ops.matmul(x, ops.relu(x), False, True),
    "whole numbers": lambda x: ops.convert(
        ops.relu(ops.add(ops.convert(x, "i32"), number(1, np.int32))), "f32"
    ),
}


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_other_networks_are_left_to_openvino(make):
    taken = ops.parameter([1, 3, 12, 11], openvino.Type.f32)
    graph = openvino.Model([make(taken).output(0)], [taken])
    before = [node.get_friendly_name() for node in graph.get_ordered_ops()]
    assert plain_form(graph) is None
    assert [node.get_friendly_name() for node in graph.get_ordered_ops()] == before


def test_sizes_that_vary_are_left_to_openvino():
    taken = ops.parameter([1, 3, -1, -1], openvino.Type.f32)
    assert plain_form(openvino.Model([ops.relu(taken).output(0)], [taken])) is None


def test_a_picture_of_one_row_is_padded_as_it_says():
    """Padding of both kinds adds up, on each side by itself."""
    taken = ops.parameter([1, 1, 1, 5], openvino.Type.f32)
    weights = ops.constant(np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3))
    pad = ops.pad(taken, np.array([0, 0, 2, 1]), np.array([0, 0, 1, 3]), "constant", np.float32(0))
    made = ops.convolution(pad, weights, [1, 1], [0, 1], [1, 0], [1, 1])
    graph = openvino.Model([made.output(0)], [taken])
    plain = plain_form(graph)
    kinds = [node.get_type_name() for node in plain.get_ordered_ops()]
    assert kinds == ["Parameter", "Constant", "Convolution", "Result"]
    tensor = np.arange(5, dtype=np.float32).reshape(1, 1, 1, 5)
    assert run(plain, tensor)[0].tobytes() == run(graph, tensor)[0].tobytes()
