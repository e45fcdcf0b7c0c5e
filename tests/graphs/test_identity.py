# SPDX-License-Identifier: Apache-2.0
"""Equal identities mean equal values; what may differ has another identity."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import openvino
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
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
    flipped,
    lines,
    networks,
    windows,
)
from graphs.writing import graph_of
from trunkline.contracts import InputContract, Preset
from trunkline.graphs.identity import identify, input_identity
from trunkline.graphs.merging import outline

CONTRACT = InputContract(8, 8, Preset.SAMPLE_STRETCH)


def identity(make, contract=CONTRACT, shape=(1, 8, 8, 3)):
    """Return the identity of what ``make`` makes of the input."""
    taken = ops.parameter(list(shape), openvino.Type.f32)
    node = make(taken)
    return identify(openvino.Model([node.output(0)], [taken]), contract)[node.get_friendly_name()]


def constant(kind, values, shape=None):
    size = openvino.Shape(shape or [len(values)])
    return openvino.op.Constant(getattr(openvino.Type, kind), size, values)


def constant_identity(node):
    graph = openvino.Model([node.output(0)], [])
    return identify(graph, CONTRACT)[node.get_friendly_name()]


class TestMutations:
    """One thing changes: all before it stays, it and all behind it is another."""

    @settings(max_examples=40, deadline=None)
    @given(networks(), st.data())
    def test_one_changed_layer(self, network, data):
        index = data.draw(st.integers(0, len(network.layers) - 1))
        changes = list(changed_layers(network, index))
        assume(changes)
        layer = data.draw(st.sampled_from(changes))
        layers = (*network.layers[:index], layer, *network.layers[index + 1 :])
        self.check(network, index, replace(network, layers=layers))

    @settings(max_examples=25, deadline=None)
    @given(networks(), st.data())
    def test_one_flipped_bit(self, network, data):
        told = []

        def listen(index, what, values):
            told.append((index, what, values.size))
            return values

        graph_of(network, change=listen)
        index, what, size = data.draw(st.sampled_from(told))
        place = data.draw(st.integers(0, size - 1))
        # A batch normalisation is folded into a scale, whose rounding may swallow the last bits.
        norm = isinstance(network.layers[index], Norm)
        bit = data.draw(st.integers(20, 22) if norm else st.integers(0, 22))

        def change(at, of, values):
            same = (at, of) == (index, what)
            return flipped(values, place % values.size, bit) if same else values

        self.check(network, index, network, change)

    def check(self, network, index, other, change=None):
        try:
            graph = graph_of(other, every=True, change=change)
        except RuntimeError:
            assume(False)  # pictures have become too small for what follows
        plain = outline(graph_of(network, every=True), contract_of(network))
        changed = outline(graph, contract_of(other))
        assert plain.outputs[:index] == changed.outputs[:index]
        # A layer is several operations; one that only loses its last still begins the same.
        assert plain.outputs[index] != changed.outputs[index]
        pairs = list(zip(plain.outputs, changed.outputs, strict=True))
        for before, after in pairs[index + 1 :]:
            assert before.identity not in changed.steps
            assert after.identity not in plain.steps

    @pytest.mark.parametrize(
        "field",
        [
            {"height": 9},
            {"width": 9},
            {"preset": Preset.CONTAINER_2024},
            {"order": "RGB"},
            {"maximum": 1.0},
            {"std": (1.0, 1.0, 2.0)},
            {"mean": (0.0, 0.0, 1e-9), "std": (2.0, 1.0, 1.0)},
        ],
        ids=str,
    )
    def test_another_contract_shares_nothing(self, field):
        def graph(height=8, width=8):
            taken = ops.parameter([1, height, width, 3], openvino.Type.f32)
            node = ops.relu(ops.transpose(taken, [0, 3, 1, 2]))
            return openvino.Model([node.output(0)], [taken])

        sizes = {name: value for name, value in field.items() if name in {"height", "width"}}
        plain, other = (
            outline(graph(), CONTRACT),
            outline(graph(**sizes), replace(CONTRACT, **field)),
        )
        assert not plain.steps.keys() & other.steps.keys()

    def test_every_field_of_a_contract_counts(self):
        others = {
            "height": 9, "width": 9, "preset": Preset.DETECTOR_S1, "order": "RGB",
            "layout": "NCHW", "dtype": "float16", "maximum": 1.0, "mean": (0.0, 1.0, 0.0),
            "std": (2.0, 1.0, 1.0),
        }  # fmt: skip
        assert others.keys() == {field.name for field in dataclasses.fields(InputContract)}
        found = [input_identity(replace(CONTRACT, **{k: v})) for k, v in others.items()]
        assert len({input_identity(CONTRACT), *found}) == len(others) + 1


def changed_layers(network, index):
    """Yield other layers in the place of one, each another function of what it takes."""
    layer = network.layers[index]
    match layer:
        case Conv():
            yield replace(layer, relu=not layer.relu)
            yield replace(layer, bias=not layer.bias)
            if layer.kernel > 1:
                yield replace(layer, dilation=3 - layer.dilation)
            if not layer.depthwise:
                yield replace(layer, channels=layer.channels + 1)
            yield from window_changes(network, index)
        case Pool():
            yield replace(layer, kind="max" if layer.kind == "average" else "average")
            yield replace(layer, kernel=5 - layer.kernel)
            yield from window_changes(network, index)
        case Norm():
            yield replace(layer, epsilon=1e-2)
            yield replace(layer, relu=not layer.relu)
        case Residual():
            yield replace(layer, kernel=4 - layer.kernel if layer.kernel != 2 else 1)
        case Fork():
            yield replace(layer, first=layer.first + 1)
            yield replace(layer, first=layer.second, second=layer.first)
        case Dense():
            yield replace(layer, labels=layer.labels + 1)
            yield from (
                replace(layer, activation=other)
                for other in ("none", "sigmoid", "softmax")
                if other != layer.activation
            )
        case Mean():
            pass


def window_changes(network, index):
    """Yield a layer with another stride or padding, where that makes other windows."""
    layer, sides = network.layers[index], [network.height, network.width]
    for earlier in network.layers[:index]:
        if isinstance(earlier, Conv | Pool):
            sides = [windows(earlier, length, axis) for axis, length in enumerate(sides)]
    for other in (
        replace(layer, stride=3 - layer.stride),
        replace(layer, padding="valid" if layer.padding == "same" else "same"),
    ):
        told = [
            [(lines(each, s, a)[0], windows(each, s, a)) for a, s in enumerate(sides)]
            for each in (layer, other)
        ]
        if told[0] != told[1]:
            yield other


class TestOperands:
    @pytest.mark.parametrize("make", [ops.add, ops.multiply])
    def test_sums_and_products_commute(self, make):
        swapped = [
            lambda x: make(ops.relu(x), ops.tanh(x)),
            lambda x: make(ops.tanh(x), ops.relu(x)),
        ]
        assert identity(swapped[0]) == identity(swapped[1])

    @pytest.mark.parametrize(
        "make",
        [ops.subtract, ops.divide, ops.power, ops.maximum, ops.minimum, ops.less, ops.mod],
    )
    def test_others_do_not(self, make):
        assert identity(lambda x: make(ops.relu(x), ops.tanh(x))) != identity(
            lambda x: make(ops.tanh(x), ops.relu(x))
        )

    def test_joined_tensors_have_an_order_and_a_number(self):
        def joined(*makers):
            return identity(lambda x: ops.concat([make(x) for make in makers], 1))

        found = {
            joined(ops.relu, ops.tanh),
            joined(ops.tanh, ops.relu),
            joined(ops.relu, ops.relu),
            joined(ops.relu),
        }
        assert len(found) == 4

    def test_outputs_of_an_operation_are_told_apart(self):
        def part(index):
            return identity(lambda x: ops.relu(ops.split(x, 1, 2).output(index)))

        assert part(0) != part(1)

    def test_an_identity_is_that_of_the_whole_way(self):
        assert identity(lambda x: ops.relu(ops.tanh(x))) != identity(
            lambda x: ops.relu(ops.sigmoid(x))
        )
        assert identity(lambda x: ops.relu(ops.tanh(x))) != identity(
            lambda x: ops.tanh(ops.relu(x))
        )

    def test_types_count(self):
        shapes = [
            identity(lambda x, t=t: ops.convert_like(x, constant(t, [1]))) for t in ("f16", "i32")
        ]
        assert shapes[0] != shapes[1]


class TestConstants:
    def test_whole_numbers_may_be_stored_in_either_width(self):
        assert constant_identity(constant("i32", [1, -2])) == constant_identity(
            constant("i64", [1, -2])
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("f16", [1.0]), ("f32", [1.0])),
            # The same bytes, and NumPy shows both as float16.
            (("f16", [1.875]), ("bf16", [1.0])),
            (("u8", [0x21]), ("u4", [1, 2])),
            (("u8", [0x21]), ("i8", [0x21])),
            (("boolean", [1]), ("u8", [1])),
            (("u64", [2**63]), ("i64", [-(2**63)])),
            (("u32", [7]), ("i32", [7])),
            (("f32", [0.0]), ("f32", [-0.0])),
            (("f32", [1.0, 2.0]), ("f32", [2.0, 1.0])),
        ],
    )
    def test_other_types_and_bits_are_apart(self, one, other):
        assert constant_identity(constant(*one)) != constant_identity(constant(*other))

    @pytest.mark.parametrize("kind", ["f32", "i64", "u4", "bf16"])
    def test_shapes_count(self, kind):
        shapes = [[4], [1, 4], [4, 1], [2, 2]]
        found = {constant_identity(constant(kind, [1, 2, 3, 4], shape)) for shape in shapes}
        assert len(found) == len(shapes)

    def test_a_number_and_a_list_of_one_are_apart(self):
        assert constant_identity(ops.constant(np.float32(1))) != constant_identity(
            ops.constant(np.ones(1, np.float32))
        )

    def test_no_values_at_all(self):
        nothing = [ops.constant(np.zeros(shape, np.float32)) for shape in ((0, 3), (3, 0))]
        assert constant_identity(nothing[0]) != constant_identity(nothing[1])


class TestInput:
    def test_numbers_are_numbers(self):
        whole = replace(CONTRACT, maximum=255, mean=(104, 0, -0.0), std=(1, 1, 1))
        assert input_identity(whole) == input_identity(
            replace(CONTRACT, maximum=255.0, mean=(104.0, 0.0, 0.0))
        )

    def test_the_layout_of_an_export_and_its_mean_do_not_matter(self):
        network = Network((Conv(), Mean(), Dense()))
        plain = outline(graph_of(network), contract_of(network))
        assert input_identity(plain.contract) == next(iter(plain.steps))
        assert plain.contract.layout == "NHWC"


def test_names_in_the_file_do_not_matter():
    """Neither for sharing, nor where a file gives one name to several operations."""

    def graph(*names):
        taken = ops.parameter([1, 8, 8, 3], openvino.Type.f32)
        first, second = ops.relu(taken), ops.tanh(taken)
        for node, name in zip((first, second), names, strict=True):
            node.set_friendly_name(name)
        return openvino.Model([ops.exp(first).output(0), ops.exp(second).output(0)], [taken])

    unlike, alike = outline(graph("a", "b"), CONTRACT), outline(graph("c", "c"), CONTRACT)
    assert unlike.outputs == alike.outputs
    assert alike.outputs[0] != alike.outputs[1]
