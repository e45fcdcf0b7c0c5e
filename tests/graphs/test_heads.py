# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from trunkline.graphs.heads import find_dense_head

WEIGHTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
BIAS = np.arange(4, dtype=np.float32)


def graph_of(make, shape=(1, 6), dtype="f32"):
    taken = ops.parameter(list(shape), getattr(openvino.Type, dtype))
    made = make(ops.relu(taken))
    nodes = made if isinstance(made, list) else [made]
    return openvino.Model([node.output(0) for node in nodes], [taken])


def product(x, weights=WEIGHTS, across=False):
    return ops.matmul(x, weights, False, across)


ENDS = {
    "none": lambda sums: sums,
    "sigmoid": ops.sigmoid,
    "softmax": lambda sums: ops.softmax(sums, 1),
}


@pytest.mark.parametrize("activation", ENDS)
@pytest.mark.parametrize("bias", [BIAS.reshape(1, 4), BIAS, None])
def test_a_dense_head_is_found(activation, bias):
    def make(x):
        sums = product(x)
        return ENDS[activation](sums if bias is None else ops.add(sums, bias))

    head = find_dense_head(graph_of(make))
    assert head.activation == activation
    assert (head.weights == WEIGHTS.T).all()
    assert head.weights.flags.c_contiguous
    assert head.weights.dtype == head.bias.dtype == np.float32
    assert head.bias.tolist() == (np.zeros(4) if bias is None else BIAS).tolist()
    assert head.features.get_node().get_type_name() == "Relu"


def test_a_bias_that_is_the_same_for_all_labels():
    head = find_dense_head(graph_of(lambda x: ops.add(product(x), np.full((1, 1), 2, np.float32))))
    assert head.bias.tolist() == [2, 2, 2, 2]


def test_softmax_counted_from_behind():
    assert find_dense_head(graph_of(lambda x: ops.softmax(product(x), -1))).activation == "softmax"


def test_one_label():
    head = find_dense_head(graph_of(lambda x: ops.sigmoid(product(x, WEIGHTS[:, :1]))))
    assert head.weights.shape == (1, 6)


@pytest.mark.parametrize(
    "make",
    [
        ops.relu,
        lambda x: [product(x), product(x, 2 * WEIGHTS)],
        lambda x: ops.tanh(product(x)),
        lambda x: ops.softmax(product(x), 0),
        lambda x: product(x, WEIGHTS.T, across=True),
        lambda x: product(x, WEIGHTS[None]),
        lambda x: product(x, ops.transpose(ops.broadcast(x, [4, 6]), [1, 0])),
        lambda x: product(ops.broadcast(x, [2, 6])),
        lambda x: ops.add(product(x), ops.relu(product(x))),
        # These make more than the sums of one dense layer.
        lambda x: ops.add(product(x), BIAS.reshape(4, 1)),
        lambda x: ops.add(product(x), BIAS.reshape(1, 1, 4)),
        lambda x: ops.add(product(x), np.ones((3, 4), np.float32)),
        lambda x: ops.add(product(x, WEIGHTS[:, :1]), BIAS.reshape(1, 4)),
    ],
    ids=[
        "no product", "two outputs", "another activation", "softmax over pictures",
        "transposed weights", "stacked weights", "computed weights", "two pictures",
        "computed bias", "bias down", "bias of more axes", "bias of more rows", "spread sums",
    ],
)  # fmt: skip
def test_anything_else_is_not(make):
    assert find_dense_head(graph_of(make)) is None


def test_features_first_is_needed():
    def make(x):
        return ops.matmul(x, WEIGHTS, True, False)

    assert find_dense_head(graph_of(make, (6, 1))) is None


def test_halves_are_not():
    half = WEIGHTS.astype(np.float16)
    assert find_dense_head(graph_of(lambda x: product(x, half), dtype="f16")) is None


def test_a_bias_that_is_not_float_is_not():
    brain = openvino.op.Constant(openvino.Type.bf16, openvino.Shape([4]), [1.0] * 4)
    weights = openvino.op.Constant(openvino.Type.bf16, openvino.Shape([6, 4]), [1.0] * 24)
    graph = graph_of(lambda x: ops.add(product(x, weights), brain), dtype="bf16")
    assert find_dense_head(graph) is None
