# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from trunkline.contracts import InputContract, Preset
from trunkline.exports.runtime import core
from trunkline.graphs.merging import outline
from trunkline.trunks import Trunk, with_head
from trunkline.trunks.identity import tensor_identity, trunk_identity

CONTRACT = InputContract(8, 8, Preset.CONTAINER_2024)
LABELS, FEATURES = 3, 5


@pytest.fixture
def trunk() -> Trunk:
    taken = ops.parameter([1, 8, 8, 3], np.float32, name="picture")
    kernels = np.random.default_rng(0).normal(size=(FEATURES, 3, 3, 3)).astype("f4") / 255
    planes = ops.transpose(taken, np.array([0, 3, 1, 2]))
    sums = ops.convolution(planes, ops.constant(kernels), [2, 2], [0, 0], [1, 1], [1, 1])
    mean = ops.reduce_mean(ops.clamp(sums, 0.0, 6.0), np.array([2, 3]), keep_dims=True)
    given = ops.reshape(mean, np.array([1, FEATURES]), special_zero=False)
    graph = openvino.Model([given], [taken], "small")
    return Trunk("small", graph, CONTRACT, FEATURES, trunk_identity(graph, CONTRACT))


@pytest.fixture
def head() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(LABELS, FEATURES)).astype("f4"), rng.normal(size=3).astype("f4")


def run(graph: openvino.Model, picture: np.ndarray) -> np.ndarray:
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    return core().compile_model(graph, "CPU", config)(picture)[0][0]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_are_those_of_the_head(trunk: Trunk, head, activation) -> None:
    weights, bias = head
    picture = np.random.default_rng(2).uniform(0, 255, (1, 8, 8, 3)).astype("f4")
    sums = np.exp(weights.astype("f8") @ run(trunk.graph, picture) + bias)
    expected = sums / sums.sum() if activation == "softmax" else sums / (1 + sums)
    found = run(with_head(trunk, weights, bias, activation), picture)
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_names_are_those_of_exports(trunk: Trunk, head) -> None:
    joined = with_head(trunk, *head, "softmax")
    assert [port.get_names() for port in joined.inputs] == [{"Placeholder"}]
    assert [port.get_names() for port in joined.outputs] == [{"loss", "model_outputs"}]
    assert list(joined.outputs[0].shape) == [1, LABELS]
    assert joined.inputs[0].get_node().get_friendly_name() == "Placeholder"


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_trunk_and_head_are_found_again(trunk: Trunk, head, activation) -> None:
    weights, bias = head
    found = outline(with_head(trunk, weights, bias, activation), CONTRACT)
    assert found.head is not None
    assert found.features is not None
    assert tensor_identity(found.features) == trunk.identity
    assert found.head.activation == activation
    np.testing.assert_array_equal(found.head.weights, weights)
    np.testing.assert_array_equal(found.head.bias, bias)


def test_the_trunk_is_left_as_it_is(trunk: Trunk, head) -> None:
    with_head(trunk, *head, "softmax")
    assert len(trunk.graph.outputs) == 1
    assert list(trunk.graph.outputs[0].shape) == [1, FEATURES]
    assert "Softmax" not in {node.get_type_name() for node in trunk.graph.get_ops()}
    assert trunk.graph.inputs[0].get_node().get_friendly_name() == "picture"
    assert trunk_identity(trunk.graph, CONTRACT) == trunk.identity


def test_any_layout_and_precision_of_the_weights_will_do(trunk: Trunk, head) -> None:
    weights, bias = head
    picture = np.full((1, 8, 8, 3), 99, "f4")
    expected = run(with_head(trunk, weights, bias, "softmax"), picture)
    for odd in (np.asfortranarray(weights), weights.astype("f8"), weights.T.copy().T):
        found = run(with_head(trunk, odd, bias.astype(odd.dtype), "softmax"), picture)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("weights", "bias"),
    [((3, 4), (3,)), ((5, 3), (3,)), ((2, 5), (3,)), ((0, 5), (0,)), ((5,), (1,))],
)
def test_a_head_that_does_not_fit_is_refused(trunk: Trunk, weights, bias) -> None:
    with pytest.raises(ValueError, match="no head for 5 features"):
        with_head(trunk, np.zeros(weights, "f4"), np.zeros(bias, "f4"), "softmax")
