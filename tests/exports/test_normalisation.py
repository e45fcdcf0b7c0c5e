# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openvino import opset13 as ops

from exports.graphs import graph_of, pooled
from trunkline.exports.normalisation import find_normalisation

IDENTITY = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
MEANS = np.array([104, 117, 123], np.float32)


def per_channel(values: np.ndarray) -> np.ndarray:
    return values.reshape(1, 3, 1, 1).astype(np.float32)


def test_a_graph_that_begins_with_a_real_operation_leaves_its_input_alone() -> None:
    found = find_normalisation(graph_of(lambda x: ops.softmax(pooled(x, 2), 1)))
    assert (found.scale, found.shift) == IDENTITY
    assert found.is_identity


def test_subtraction_is_seen_through_retyping_and_moving() -> None:
    def build(x):
        moved = ops.transpose(ops.convert(x, "f32"), ops.constant([0, 3, 1, 2]))
        return pooled(ops.subtract(moved, ops.constant(per_channel(MEANS))), 2)

    found = find_normalisation(graph_of(build, (-1, 8, 8, 3), "u8"))
    assert found.mean == (104.0, 117.0, 123.0)
    assert not found.is_identity


def test_batch_normalisation_counts() -> None:
    variance, gamma, beta = np.array([4, 9, 16.0]), np.array([1, 2, 3.0]), np.array([0, 1, 2.0])

    def build(x):
        constants = [ops.constant(v.astype(np.float32)) for v in (gamma, beta, MEANS, variance)]
        normalised = ops.batch_norm_inference(x, *constants, epsilon=0.0)
        return pooled(normalised, 2)

    found = find_normalisation(graph_of(build))
    assert found.scale == pytest.approx(tuple(gamma / np.sqrt(variance)))
    assert found.shift == pytest.approx(tuple(beta - MEANS * gamma / np.sqrt(variance)))


def test_a_constant_of_another_shape_ends_the_search() -> None:
    whole = ops.constant(np.ones((1, 3, 8, 8), np.float32))
    found = find_normalisation(graph_of(lambda x: pooled(ops.multiply(x, whole), 2)))
    assert found.is_identity


def test_a_constant_divided_by_the_picture_ends_the_search() -> None:
    one = ops.constant(np.float32(1))
    found = find_normalisation(graph_of(lambda x: pooled(ops.divide(one, x), 2)))
    assert found.is_identity


def test_a_picture_used_twice_ends_the_search() -> None:
    found = find_normalisation(graph_of(lambda x: pooled(ops.add(x, ops.relu(x)), 2)))
    assert found.is_identity


STEPS = {
    "add": (ops.add, lambda x, c: x + c),
    "subtract": (ops.subtract, lambda x, c: x - c),
    "multiply": (ops.multiply, lambda x, c: x * c),
    "divide": (ops.divide, lambda x, c: x / c),
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(STEPS)),
            st.lists(st.sampled_from([-128.0, -1.0, 0.5, 2.0, 127.5]), min_size=3, max_size=3),
        ),
        max_size=4,
    )
)
def test_any_chain_of_steps_composes_to_what_it_computes(steps: list) -> None:
    def build(x):
        for kind, values in steps:
            x = STEPS[kind][0](x, ops.constant(per_channel(np.array(values))))
        return pooled(x, 2)

    found = find_normalisation(graph_of(build))
    value = np.array([10.0, 20.0, 30.0])
    for kind, values in steps:
        value = STEPS[kind][1](value, np.array(values))
    composed = np.array([10.0, 20.0, 30.0]) * found.scale + found.shift
    np.testing.assert_allclose(composed, value, rtol=1e-9, atol=1e-9)
