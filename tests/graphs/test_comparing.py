# SPDX-License-Identifier: Apache-2.0
"""The first difference of two networks, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from graphs.networks import Conv, Dense, Mean, Network, Norm, Pool, contract_of, flipped
from graphs.writing import graph_of
from trunkline.contracts import InputContract, Preset
from trunkline.graphs.comparing import Difference, first_difference
from trunkline.graphs.merging import outline

CONTRACT = InputContract(8, 8, Preset.SAMPLE_STRETCH)
PLAIN = (Conv(bias=False), Pool(), Conv(6), Mean(), Dense())


def outline_of_network(*layers, change=None):
    network = Network(layers)
    return outline(graph_of(network, change=change), contract_of(network))


def outline_of(make, contract=CONTRACT):
    taken = ops.parameter([1, contract.height, contract.width, 3], openvino.Type.f32)
    made = make(taken)
    nodes = made if isinstance(made, list) else [made]
    return outline(openvino.Model([node.output(0) for node in nodes], [taken]), contract)


def named(node, name):
    node.set_friendly_name(name)
    return node


def test_the_same_network_has_none():
    assert first_difference(outline_of_network(*PLAIN), outline_of_network(*PLAIN)) is None


def test_a_difference_reads_as_what_differs():
    assert str(Difference("conv1", "Convolution", "strides 2 against 1")) == "strides 2 against 1"


def test_weights():
    def change(index, what, values):
        return flipped(values, 3, 22) if (index, what) == (2, "weights") else values

    found = first_difference(outline_of_network(*PLAIN), outline_of_network(*PLAIN, change=change))
    assert found.kind == "Convolution"
    assert found.what.startswith(
        "Convolution: weights (6, 4, 3, 3) differ in 1 of 216 values, by up"
    )


def test_weights_of_another_shape():
    other = outline_of_network(*PLAIN[:2], Conv(5), *PLAIN[3:])
    found = first_difference(outline_of_network(*PLAIN), other)
    assert found.what == "Convolution: weights of shape (6, 4, 3, 3) against (5, 4, 3, 3)"


def test_names_that_a_person_gave_are_told():
    def make(stride):
        def build(x):
            weights = np.ones((2, 8, 3, 3), np.float32)
            node = ops.convolution(x, weights, [stride] * 2, [0, 0], [0, 0], [1, 1])
            return named(node, "features/conv1")

        return outline_of(build)

    found = first_difference(make(2), make(1))
    assert (found.name, found.kind) == ("features/conv1", "Convolution")
    assert found.what.startswith("Convolution features/conv1: strides 2 against 1")


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        (ops.relu, ops.tanh, "Relu against Tanh"),
        (lambda x: ops.clamp(x, 0, 6), lambda x: ops.clamp(x, 0.5, 6), "Clamp: min 0 against 0.5"),
        (
            lambda x: ops.multiply(x, np.float32(2)),
            lambda x: ops.multiply(x, np.float32(3)),
            "Multiply: factor 2 against 3",
        ),
        (
            lambda x: ops.add(x, np.array([1, 2, 3], np.float32)),
            lambda x: ops.add(x, np.array([1, 2, 4], np.float32)),
            "Add: summand (1, 2, 3) against (1, 2, 4)",
        ),
        (
            lambda x: ops.add(x, np.array([0, 1, 1], np.float32)),
            lambda x: ops.add(x, np.array([-0.0, 1, 1], np.float32)),
            "Add: summand (0, 1, 1) against (-0, 1, 1)",
        ),
        (
            lambda x: ops.reduce_max(x, [1]),
            lambda x: ops.reduce_max(x, [2]),
            "ReduceMax: constant 1 against 2",
        ),
        (
            lambda x: ops.subtract(ops.relu(x), ops.tanh(ops.relu(x))),
            lambda x: ops.subtract(ops.tanh(ops.relu(x)), ops.relu(x)),
            "Subtract: what it takes",
        ),
        (
            lambda x: ops.grn(x, 1.0),
            lambda x: ops.grn(x, 1.0),
            "GRN: it may hold more than it shows, and is never taken for the same",
        ),
        (
            lambda x: ops.convert(x, "f16"),
            lambda x: ops.convert(x, "i32"),
            "Convert: destination type f16 against i32, type f16 against i32",
        ),
        # One more or less.
        (lambda x: ops.tanh(ops.relu(x)), ops.tanh, "Relu against none"),
        (ops.tanh, lambda x: ops.tanh(ops.relu(x)), "none against Relu"),
        (lambda x: ops.tanh(ops.relu(x)), ops.relu, "Tanh against none"),
        (ops.relu, lambda x: ops.tanh(ops.relu(x)), "none against Tanh"),
        (
            lambda x: [ops.tanh(x), ops.relu(x)],
            lambda x: [ops.relu(x), ops.tanh(x)],
            "which tensors they give",
        ),
    ],
)  # fmt: skip
def test_what_differs(one, other, what):
    assert first_difference(outline_of(one), outline_of(other)).what == what


def test_many_values_are_counted():
    def make(values):
        return outline_of(lambda x: ops.add(x, values.reshape(8, 1, 1)))

    values = np.arange(8, dtype=np.float32)
    changed = values.copy()
    changed[[2, 5]] += (0.25, 0.5)
    found = first_difference(make(values), make(changed))
    assert found.what == "Add: summand (1, 8, 1, 1) differ in 2 of 8 values, by up to 0.5"
    changed[1] = np.nan
    found = first_difference(make(values), make(changed))
    assert "3 of 8 values" in found.what
    changed[:] = values
    values[0] = changed[0] = np.nan
    assert first_difference(make(values), make(changed)) is None


def test_constants_that_numpy_cannot_read_are_not_described():
    def make(value):
        brain = openvino.op.Constant(openvino.Type.bf16, openvino.Shape([1]), [value])
        return outline_of(lambda x: ops.add(ops.convert(x, "bf16"), brain))

    found = first_difference(make(1.0), make(2.0))
    assert found.kind == "Add"


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ({"order": "RGB"}, "the input contract: order BGR against RGB"),
        ({"maximum": 1.0}, "the input contract: maximum 255 against 1"),
        ({"std": (2.0, 1.0, 1.0)}, "the input contract: std 1 against (2, 1, 1)"),
        (
            {"preset": Preset.CONTAINER_2024, "height": 9},
            "the input contract: height 8 against 9, preset sample-stretch against container-2024",
        ),
    ],
)
def test_contracts(field, what):
    found = first_difference(outline_of(ops.relu), outline_of(ops.relu, replace(CONTRACT, **field)))
    assert (found.kind, found.what) == ("Parameter", what)


def test_the_operation_in_the_same_place_is_found_among_branches():
    def make(alpha):
        def build(x):
            first = ops.relu(x)
            return [ops.exp(first), named(ops.elu(first, alpha), "b"), ops.elu(ops.tanh(x), 0.7)]

        return build

    found = first_difference(outline_of(make(0.1)), outline_of(make(0.2)))
    assert found.what == "Elu b: alpha 0.1 against 0.2"


def test_the_first_one_counts():
    layers = Conv(), Norm(), Conv(6), Mean(), Dense()
    other = Conv(), Norm(1e-2), Conv(6, stride=2), Mean(), Dense(4)
    found = first_difference(outline_of_network(*layers), outline_of_network(*other))
    assert (found.kind, "differ in" in found.what or "factor" in found.what) == ("Multiply", True)


def test_heads_differ_on_one_trunk():
    found = first_difference(outline_of_network(*PLAIN), outline_of_network(*PLAIN[:-1], Dense(5)))
    assert found.what == "MatMul: weights of shape (6, 3) against (6, 5)"


class TestRealExports:
    def test_a_batch_normalisation_more(self, outlines):
        found = first_difference(outlines["fruit-2"], outlines["desk-onnx-opset7"])
        assert (found.kind, found.what) == ("Multiply", "Multiply against none")
        found = first_difference(outlines["desk-onnx-opset7"], outlines["fruit-2"])
        assert (found.kind, found.what) == ("Multiply", "none against Multiply")
        found = first_difference(outlines["fruit-2"], outlines["landmarks-other-trunk"])
        assert found.what == "Multiply against none"

    def test_another_normalisation(self, outlines):
        found = first_difference(outlines["fruit-2"], outlines["landmarks-third-trunk"])
        assert found.kind == "Multiply"
        assert found.what.startswith("Multiply: factor 0.999994993 against (0.00863")

    def test_other_weights(self, outlines):
        found = first_difference(outlines["desk-onnx-opset7"], outlines["landmarks-other-trunk"])
        assert found.kind == "Convolution"
        assert "weights (64, 3, 3, 3) differ in 1728 of 1728 values" in found.what

    def test_only_another_head(self, outlines):
        found = first_difference(outlines["fruit-2"], outlines["fruit-4"])
        assert found.what.endswith("weights of shape (512, 2) against (512, 4)")

    def test_other_sizes(self, outlines):
        found = first_difference(outlines["fruit-2"], outlines["meter-container-2025"])
        assert found.what.startswith("the input contract: height 227 against 224")

    def test_every_pair(self, outlines):
        for one in outlines.values():
            for other in outlines.values():
                found = first_difference(one, other)
                assert (found is None) == (one.outputs == other.outputs)
