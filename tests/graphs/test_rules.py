# SPDX-License-Identifier: Apache-2.0
"""Each rule by itself: where it applies no value changes, and where it must not it does not."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset1, opset8, opset14, opset15
from openvino import opset13 as ops

from graphs.networks import run
from trunkline.graphs.rewriting import apply_rules
from trunkline.graphs.rules import RULES, widen_constants

SHAPE = (1, 4, 6, 5)


def graph_of(build, shape=SHAPE, dtype="f32"):
    """Return a graph of one input; ``build`` makes its outputs."""
    taken = ops.parameter(list(shape), getattr(openvino.Type, dtype))
    made = build(taken)
    nodes = made if isinstance(made, list) else [made]
    ends = [node.output(0) if isinstance(node, openvino.Node) else node for node in nodes]
    return openvino.Model(ends, [taken])


def rewritten(graph):
    changed = graph.clone()
    apply_rules(changed, RULES)
    changed.validate_nodes_and_infer_types()
    return changed


def kinds(graph):
    left_out = {"Parameter", "Constant", "Result"}
    found = [node.get_type_name() for node in graph.get_ordered_ops()]
    return [kind for kind in found if kind not in left_out]


def values_of(graph, negative=True):
    """Return whole numbers, of which sums and products are exact, in an input's shape."""
    shape = [d.get_length() if d.is_static else 3 for d in graph.inputs[0].get_partial_shape()]
    numbers = np.random.default_rng(1).integers(-9 if negative else 0, 10, shape)
    return numbers.astype(graph.inputs[0].get_element_type().to_dtype())


def same_bits(graph, changed):
    tensor = values_of(graph)
    pairs = zip(run(graph, tensor), run(changed, tensor), strict=True)
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


def check(build, *expected, shape=SHAPE):
    """Check that a graph becomes these operations, with the same bits; return the new graph."""
    graph = graph_of(build, shape)
    changed = rewritten(graph)
    assert kinds(changed) == list(expected)
    assert [str(port.get_partial_shape()) for port in changed.outputs] == [
        str(port.get_partial_shape()) for port in graph.outputs
    ]
    assert same_bits(graph, changed)
    return changed


def unchanged(build, shape=SHAPE, dtype="f32"):
    """Check that no rule touches a graph."""
    # A clone of a clone, for the first may gain a constant where an optional input was left out.
    graph = graph_of(build, shape, dtype).clone()
    before = [node.get_type_name() for node in graph.get_ordered_ops()]
    assert [node.get_type_name() for node in rewritten(graph).get_ordered_ops()] == before


def inputs_of(graph, kind):
    """Return the kinds of what the only operation of a kind takes."""
    (node,) = (n for n in graph.get_ordered_ops() if n.get_type_name() == kind)
    return [node.input_value(i).get_node().get_type_name() for i in range(node.get_input_size())]


def constant_in(graph, kind, index=1):
    (node,) = (n for n in graph.get_ordered_ops() if n.get_type_name() == kind)
    return node.input_value(index).get_node().get_data()


class TestWidening:
    def test_halves_become_floats_of_the_same_value(self):
        halves = np.array([[0.1, 65504.0, 6e-8, -0.0, np.inf]], np.float16)

        def build(x):
            return ops.add(x, ops.convert(ops.constant(halves), "f32"))

        graph = graph_of(build, (1, 5))
        widened = graph.clone()
        widen_constants(widened)
        assert kinds(widened) == ["Add"]
        assert constant_in(widened, "Add").dtype == np.float32
        assert same_bits(graph, widened)

    def test_a_scalar_stays_a_scalar(self):
        graph = graph_of(lambda x: ops.add(x, ops.convert(ops.constant(np.float16(0.1)), "f32")))
        widen_constants(graph)
        assert constant_in(graph, "Add").shape == ()

    def test_bfloat16_is_not_taken_for_float16(self):
        brain = openvino.op.Constant(openvino.Type.bf16, openvino.Shape([1]), [1.5])
        graph = graph_of(lambda x: ops.add(x, ops.convert(brain, "f32")))
        widen_constants(graph)
        assert kinds(graph) == ["Convert", "Add"]

    @pytest.mark.parametrize("target", ["f64", "i32"])
    def test_other_conversions_stay(self, target):
        halves = ops.constant(np.array([1.5], np.float16))
        graph = graph_of(lambda x: [x, ops.convert(halves, target)])
        widen_constants(graph)
        assert kinds(graph) == ["Convert"]

    def test_what_is_no_constant_stays(self):
        graph = graph_of(lambda x: ops.convert(x, "f32"), dtype="f16")
        widen_constants(graph)
        assert kinds(graph) == ["Convert"]


class TestMultiplicationByOne:
    def test_it_is_dropped(self):
        check(lambda x: ops.relu(ops.multiply(x, np.ones((1, 4, 1, 1), np.float32))), "Relu")

    def test_it_stays_where_it_stretches(self):
        unchanged(lambda x: ops.multiply(x, np.ones((3, 4, 1, 1), np.float32)))

    def test_it_stays_where_a_length_is_open_and_may_be_stretched(self):
        unchanged(lambda x: ops.multiply(x, np.ones((5, 1), np.float32)), shape=(-1, 4))

    def test_it_stays_where_one_factor_is_another(self):
        factors = np.ones((1, 4, 1, 1), np.float32)
        factors[0, 3] = np.nextafter(np.float32(1), np.float32(2))
        unchanged(lambda x: ops.multiply(x, factors))

    def test_ones_by_another_reading_of_their_bits_stay(self):
        # The bits of one as float16 are those of 0.0078125 as bfloat16.
        brain = openvino.op.Constant(openvino.Type.bf16, openvino.Shape([1]), [0.0078125])
        assert (brain.get_data() == 1).all()
        unchanged(lambda x: ops.multiply(x, brain), shape=(2,), dtype="bf16")

    def test_a_factor_that_is_no_constant_stays(self):
        unchanged(lambda x: ops.multiply(x, x))


class TestSubtraction:
    def test_it_becomes_a_sum(self):
        values = np.array([0.1, -0.0, 0.0, 3e38], np.float32).reshape(1, 4, 1, 1)
        changed = check(lambda x: ops.subtract(x, values), "Add")
        assert np.signbit(constant_in(changed, "Add")).ravel().tolist() == [True, False, True, True]

    def test_from_a_constant_it_stays(self):
        unchanged(lambda x: ops.subtract(np.ones((1, 4, 1, 1), np.float32), x))

    def test_of_whole_numbers_it_stays(self):
        least = np.full(SHAPE, -(2**31), np.int32)
        unchanged(lambda x: ops.subtract(x, least), dtype="i32")

    def test_of_two_tensors_it_stays(self):
        unchanged(lambda x: ops.subtract(x, ops.relu(x)))

    def test_with_another_way_to_broadcast_it_stays(self):
        values = np.ones(SHAPE, np.float32)
        unchanged(lambda x: ops.subtract(x, values, auto_broadcast="NONE"))


class TestOrderOfOperands:
    @pytest.mark.parametrize("make", [ops.add, ops.multiply])
    def test_a_constant_comes_last_and_has_all_axes(self, make):
        values = np.arange(2, 7, dtype=np.float32)
        changed = check(lambda x: make(values, x), make(1.0, 2.0).get_type_name())
        kind = kinds(changed)[0]
        assert inputs_of(changed, kind) == ["Parameter", "Constant"]
        assert constant_in(changed, kind).shape == (1, 1, 1, 5)

    def test_a_constant_of_more_axes_stays(self):
        unchanged(lambda x: ops.add(x, np.ones((2, 1, 1, 1, 1), np.float32)))

    def test_two_tensors_stay_in_order(self):
        unchanged(lambda x: ops.add(ops.relu(x), ops.tanh(x)))

    def test_an_open_rank_stays(self):
        taken = ops.parameter(openvino.PartialShape.dynamic(), openvino.Type.f32)
        graph = openvino.Model([ops.add(taken, np.float32(1)).output(0)], [taken])
        assert constant_in(rewritten(graph), "Add").shape == ()

    def test_another_way_to_broadcast_stays(self):
        values = np.ones(SHAPE, np.float32)
        unchanged(lambda x: ops.multiply(values, x, auto_broadcast="NONE"))


class TestMeans:
    def test_an_average_over_the_whole_picture_is_a_mean(self):
        graph = graph_of(lambda x: ops.avg_pool(x, [1, 1], [0, 0], [0, 0], [6, 5], True))
        changed = rewritten(graph)
        assert kinds(changed) == ["ReduceMean"]
        tensor = values_of(graph)
        # The one rule that may round otherwise.
        np.testing.assert_allclose(run(changed, tensor)[0], run(graph, tensor)[0], rtol=1e-6)

    @pytest.mark.parametrize(
        ("kernel", "begin", "end"),
        [
            ([5, 5], [0, 0], [0, 0]),
            ([6, 4], [0, 0], [0, 0]),
            ([6, 5], [1, 0], [0, 0]),
            ([6, 5], [0, 0], [0, 1]),
        ],
    )
    @pytest.mark.parametrize("exclude", [True, False])
    def test_any_other_average_stays(self, kernel, begin, end, exclude):
        unchanged(lambda x: ops.avg_pool(x, [9, 9], begin, end, kernel, exclude))

    def test_an_average_with_same_padding_stays(self):
        unchanged(
            lambda x: ops.avg_pool(x, [1, 1], [0, 0], [0, 0], [6, 5], True, auto_pad="same_upper")
        )

    def test_an_average_over_three_axes_stays(self):
        unchanged(lambda x: ops.avg_pool(x, [1], [0], [0], [6], True), shape=(1, 4, 6))

    @pytest.mark.parametrize("axes", [[2, 3], [3, 2], [-1, -2], [2, -1]])
    @pytest.mark.parametrize("kept", [True, False])
    def test_a_mean_is_written_in_one_way(self, axes, kept):
        changed = check(
            lambda x: ops.reduce_mean(x, np.array(axes, np.int32), kept),
            *(["ReduceMean"] if kept else ["ReduceMean", "Reshape"]),
        )
        assert constant_in(changed, "ReduceMean").tolist() == [2, 3]

    @pytest.mark.parametrize("axes", [[1, 2], [2], [1, 2, 3], [0, 1]])
    @pytest.mark.parametrize("kept", [True, False])
    def test_a_mean_over_other_axes_stays(self, axes, kept):
        unchanged(lambda x: ops.reduce_mean(x, np.array(axes), kept))

    def test_a_mean_over_three_axes_stays(self):
        unchanged(lambda x: ops.reduce_mean(x, np.array([2, 3]), False), shape=(1, 2, 3, 4, 5))

    def test_a_mean_whose_result_is_of_open_size_stays(self):
        unchanged(lambda x: ops.reduce_mean(x, np.array([2, 3]), False), shape=(-1, 4, 6, 5))

    def test_a_mean_over_axes_that_are_no_constant_stays(self):
        def build(x):
            axes = ops.convert(ops.reduce_max(x, np.array([0, 1, 2, 3]), False), "i64")
            return ops.reduce_mean(x, ops.reshape(axes, [1], False), False)

        unchanged(build)


class TestShapes:
    @pytest.mark.parametrize(
        ("shape", "order"),
        [((1, 8, 1, 1), [0, 2, 3, 1]), ((2, 1, 1, 1), [3, 2, 1, 0]), ((7, 1), [1, 0])],
    )
    def test_moving_axes_of_length_one_is_a_reshape(self, shape, order):
        check(lambda x: ops.relu(ops.transpose(x, order)), "Reshape", "Relu", shape=shape)

    @pytest.mark.parametrize("order", [[0, 2, 3, 1], [0, 1, 3, 2]])
    def test_moving_longer_axes_stays(self, order):
        unchanged(lambda x: ops.transpose(x, order))

    def test_two_longer_axes_stay_even_if_the_lengths_are_equal(self):
        unchanged(lambda x: ops.transpose(x, [1, 0]), shape=(3, 3))

    def test_moving_axes_of_open_length_stays(self):
        unchanged(lambda x: ops.transpose(x, [0, 2, 3, 1]), shape=(1, 8, -1, 1))

    def test_moving_axes_of_open_rank_stays(self):
        taken = ops.parameter(openvino.PartialShape.dynamic(), openvino.Type.f32)
        node = ops.transpose(taken, ops.constant(np.array([], np.int64)))
        graph = openvino.Model([node.output(0)], [taken])
        assert kinds(rewritten(graph)) == ["Transpose"]

    def test_a_chain_of_reshapes_is_one(self):
        def build(x):
            more = ops.unsqueeze(x, np.array([0], np.int32))
            flat = ops.reshape(more, [0, -1], special_zero=True)
            return ops.relu(ops.squeeze(ops.unsqueeze(flat, [1]), [0]))

        changed = check(build, "Reshape", "Relu")
        assert constant_in(changed, "Reshape").tolist() == [1, 120]

    def test_reshapes_to_and_fro_are_none(self):
        check(lambda x: ops.relu(ops.squeeze(ops.unsqueeze(x, [2]), [2])), "Relu")

    def test_a_plain_reshape_stays(self):
        unchanged(lambda x: ops.reshape(x, [1, 120], special_zero=False))

    def test_a_reshape_of_another_branch_stays_where_it_is(self):
        def build(x):
            flat = ops.reshape(ops.relu(x), [1, 120], special_zero=False)
            return [ops.tanh(flat), ops.abs(ops.reshape(flat, [4, 30], special_zero=False))]

        check(build, "Relu", "Reshape", "Abs", "Reshape", "Tanh")

    def test_a_reshape_to_an_open_length_stays(self):
        unchanged(lambda x: ops.reshape(x, [-1, 4], special_zero=False), shape=(-1, 8))

    def test_a_reshape_to_an_open_rank_stays(self):
        taken = ops.parameter(openvino.PartialShape.dynamic(), openvino.Type.f32)
        graph = openvino.Model([ops.relu(opset15.squeeze(taken)).output(0)], [taken])
        assert kinds(rewritten(graph)) == ["Squeeze", "Relu"]

    def test_a_reshape_from_an_open_rank_is_not_dropped(self):
        taken = ops.parameter(openvino.PartialShape.dynamic(), openvino.Type.f32)
        flat = ops.reshape(taken, np.array([], np.int64), special_zero=False)
        graph = openvino.Model([ops.relu(flat).output(0)], [taken])
        assert kinds(rewritten(graph)) == ["Reshape", "Relu"]

    def test_a_reshape_of_a_constant_is_left_to_folding(self):
        flat = np.ones(120, np.float32)
        unchanged(lambda x: ops.add(x, ops.reshape(ops.constant(flat), SHAPE, special_zero=False)))


class TestDenseLayers:
    def test_weights_are_stored_as_features_by_labels(self):
        weights = np.arange(12, dtype=np.float32).reshape(3, 4)
        changed = check(lambda x: ops.matmul(x, weights, False, True), "MatMul", shape=(2, 4))
        assert (constant_in(changed, "MatMul") == weights.T).all()

    def test_a_transposed_first_operand_stays_so(self):
        weights = np.arange(12, dtype=np.float32).reshape(3, 4)
        check(lambda x: ops.matmul(x, weights, True, True), "MatMul", shape=(4, 2))

    def test_weights_as_they_should_be_stay(self):
        unchanged(lambda x: ops.matmul(x, np.ones((4, 3), np.float32), False, False), (2, 4))

    def test_a_product_of_tensors_stays(self):
        unchanged(lambda x: ops.matmul(x, x, False, True), (2, 4))

    def test_a_stack_of_weights_stays(self):
        unchanged(lambda x: ops.matmul(x, np.ones((2, 3, 4), np.float32), False, True), (5, 4))

    def test_a_convolution_of_one_pixel_is_a_dense_layer(self):
        weights = np.random.default_rng(0).integers(-5, 5, (3, 4, 1, 1)).astype(np.float32)

        def build(x):
            return ops.convolution(x, weights, [2, 2], [0, 0], [0, 0], [1, 1])

        check(build, "Reshape", "MatMul", "Reshape", shape=(1, 4, 1, 1))

    @pytest.mark.parametrize(
        ("shape", "size", "begin", "end"),
        [
            ((1, 4, 2, 1), (1, 1), [0, 0], [0, 0]),
            ((1, 4, 1, 1), (3, 3), [1, 1], [1, 1]),
            # The only window sees the padding.
            ((1, 4, 1, 1), (1, 1), [1, 0], [0, 0]),
            ((-1, 4, 1, 1), (1, 1), [0, 0], [0, 0]),
            ((1, 4, -1, 1), (1, 1), [0, 0], [0, 0]),
        ],
    )
    def test_any_other_convolution_stays(self, shape, size, begin, end):
        weights = np.ones((3, 4, *size), np.float32)
        unchanged(lambda x: ops.convolution(x, weights, [2, 2], begin, end, [1, 1]), shape)

    def test_a_convolution_by_a_tensor_stays(self):
        unchanged(
            lambda x: ops.convolution(x, ops.relu(x), [1, 1], [0, 0], [0, 0], [1, 1]),
            (1, 4, 1, 1),
        )


def padded_pool(x, begin=(0, 0, 0, 0), end=(0, 0, 1, 1), value=0.0, mode="constant", **pool):
    pad = ops.pad(x, np.array(begin), np.array(end), mode, np.float32(value))
    return pool_of(pad, **pool)


def pool_of(
    x, begin=(0, 0), end=(0, 0), kernel=(3, 3), auto="explicit", rounding="floor", dilation=1
):
    return opset14.max_pool(
        x, [2, 2], [dilation] * 2, list(begin), list(end), list(kernel), rounding, auto
    )


class TestPools:
    @pytest.mark.parametrize("value", [0.0, -0.0, -3.4e38, -np.inf])
    @pytest.mark.parametrize("begin", [(0, 0, 0, 0), (0, 0, 2, 1)])
    def test_a_pool_behind_a_rectifier_pads_itself(self, value, begin):
        changed = check(
            lambda x: padded_pool(ops.relu(x), begin=begin, value=value), "Relu", "MaxPool"
        )
        (pool,) = (n for n in changed.get_ordered_ops() if n.get_type_name() == "MaxPool")
        assert pool.get_attributes()["pads_begin"] == list(begin[2:])
        assert pool.get_attributes()["pads_end"] == [1, 1]

    def test_a_pad_without_a_value_pads_with_zero(self):
        def build(x):
            end = np.array([0, 0, 1, 1])
            return pool_of(ops.pad(ops.relu(x), np.zeros(4, np.int64), end, "constant"))

        check(build, "Relu", "MaxPool")

    def test_a_pool_of_the_first_version_too(self):
        def build(x):
            end = np.array([0, 0, 1, 1])
            pad = ops.pad(ops.relu(x), np.zeros(4, np.int64), end, "constant", np.float32(0))
            return opset1.max_pool(pad, [2, 2], [0, 0], [0, 0], [3, 3], "floor", "valid")

        check(build, "Relu", "MaxPool")

    def test_what_follows_a_rectifier_through_pools_and_joins_is_not_negative_either(self):
        def build(x):
            pool = pool_of(ops.relu(x), (1, 1), (0, 1), kernel=(2, 2)).output(0)
            return padded_pool(ops.concat([ops.relu(x).output(0), pool], 2))

        check(build, "Relu", "Relu", "MaxPool", "Concat", "MaxPool", shape=(1, 4, 6, 2))

    def test_minus_infinity_never_wins(self):
        check(lambda x: padded_pool(x, value=-np.inf), "MaxPool")

    def test_data_that_may_be_negative_stays(self):
        unchanged(padded_pool)
        unchanged(lambda x: padded_pool(ops.concat([ops.relu(x), x], 1)))
        unchanged(lambda x: padded_pool(pool_of(x).output(0)))
        unchanged(lambda x: padded_pool(ops.tanh(ops.relu(x))))

    @pytest.mark.parametrize("value", [1e-45, 1.0, np.inf, np.nan])
    def test_padding_that_may_win_stays(self, value):
        unchanged(lambda x: padded_pool(ops.relu(x), value=value))

    @pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric"])
    @pytest.mark.parametrize("has_value", [True, False])
    def test_padding_with_the_picture_stays(self, mode, has_value):
        def build(x):
            value = [ops.constant(np.float32(0))] if has_value else []
            end = np.array([0, 0, 1, 1])
            return pool_of(ops.pad(ops.relu(x), np.zeros(4, np.int64), end, mode, *value))

        unchanged(build)

    @pytest.mark.parametrize(
        ("begin", "end"),
        [
            ((0, 1, 0, 0), (0, 0, 1, 1)),
            ((0, 0, 0, 0), (0, 1, 1, 1)),
            # A window may see nothing but padding.
            ((0, 0, 3, 0), (0, 0, 0, 0)),
            ((0, 0, 0, 0), (0, 0, 0, 3)),
            # This takes lines away.
            ((0, 0, 0, 0), (0, 0, -1, 0)),
        ],
    )
    def test_padding_that_a_pool_cannot_do_stays(self, begin, end):
        unchanged(lambda x: padded_pool(ops.relu(x), begin, end))

    @pytest.mark.parametrize(
        "pool",
        [
            {"begin": (1, 0)},
            {"end": (0, 1)},
            {"rounding": "ceil"},
            {"rounding": "ceil_torch"},
            {"dilation": 2},
            {"auto": "same_upper"},
            {"auto": "same_lower"},
        ],
    )
    def test_a_pool_with_more_to_it_stays(self, pool):
        unchanged(lambda x: pool_of(ops.pad(
            ops.relu(x), np.zeros(4, np.int64), np.array([0, 0, 1, 1]), "constant", np.float32(0)
        ), **pool))  # fmt: skip

    def test_padding_that_is_no_constant_stays(self):
        def build(x):
            rect = ops.relu(x)
            most = ops.convert(ops.reduce_max(rect, np.array([0, 1, 2, 3]), False), "i64")
            end = ops.multiply(ops.broadcast(most, [4]), np.zeros(4, np.int64))
            return pool_of(ops.pad(rect, np.zeros(4, np.int64), end, "constant", np.float32(0)))

        unchanged(build, shape=(1, 4, 6, 5))

    def test_a_pool_whose_indices_are_used_stays(self):
        def build(x):
            pool = padded_pool(ops.relu(x), begin=(0, 0, 1, 1))
            return [pool.output(0), pool.output(1)]

        unchanged(build)


def test_what_is_put_in_a_place_goes_by_its_name():
    def build(x):
        node = ops.subtract(x, np.ones((1, 4, 1, 1), np.float32))
        node.set_friendly_name("centred")
        return node

    changed = rewritten(graph_of(build))
    (node,) = (n for n in changed.get_ordered_ops() if n.get_type_name() == "Add")
    assert node.get_friendly_name() == "centred"


class TestSlopes:
    @pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
    def test_one_slope_for_all_has_as_many_axes_as_the_data(self, shape):
        slope = np.full(shape, 0.5, np.float32)
        changed = check(lambda x: ops.prelu(x, slope), "PRelu")
        assert constant_in(changed, "PRelu").shape == (1, 1, 1, 1)

    def test_others_stay(self):
        unchanged(lambda x: ops.prelu(x, np.full((1, 1, 1, 1), 0.5, np.float32)))
        unchanged(lambda x: ops.prelu(x, np.arange(4, dtype=np.float32)))
        unchanged(lambda x: ops.prelu(x, ops.reduce_max(x, np.array([0, 1, 2, 3]), False)))


def test_a_swish_has_a_slope():
    slope = ops.constant(np.float32(1))
    parameter = ops.parameter(list(SHAPE), openvino.Type.f32)
    node = ops.swish(parameter, slope)
    unchanged(lambda x: ops.swish(x, slope))
    node.set_arguments([parameter.output(0)])
    changed = rewritten(openvino.Model([node], [parameter]))
    assert inputs_of(changed, "Swish") == ["Parameter", "Constant"]
    assert constant_in(changed, "Swish") == 1


class TestSlices:
    @pytest.mark.parametrize(
        ("start", "stop", "axes"),
        [
            ([0, 0, 0, 1], [1, 6, 5, 3], [0, 2, 3, 1]),
            ([-3], [-1], [1]),
            ([1], [3], [-3]),
            ([0, 1, 0], [1, 3, 2**31 - 1], None),
        ],
    )
    def test_only_the_axis_that_is_cut_is_named(self, start, stop, axes):
        given = [start, stop, [1] * len(start), *([axes] if axes else [])]
        changed = check(lambda x: opset8.slice(x, *(np.array(g) for g in given)), "Slice")
        told = [constant_in(changed, "Slice", i).tolist() for i in (1, 2, 3, 4)]
        assert told == [[1], [3], [1], [1]]

    def test_a_plain_one_is_left_alone(self):
        unchanged(lambda x: opset8.slice(x, [1], [3], [1], [1]))
        unchanged(lambda x: opset8.slice(x, [1, 2], [3, 4], [1, 1], [1, 3]))

    def test_axes_come_in_order(self):
        build = lambda x: opset8.slice(x, [2, 1], [4, 3], [1, 1], [3, 1])  # noqa: E731
        changed = check(build, "Slice")
        assert constant_in(changed, "Slice", 4).tolist() == [1, 3]

    def test_one_that_cuts_nothing_is_dropped(self):
        check(lambda x: ops.relu(opset8.slice(x, [0], [99], [1], [1])), "Relu")

    @pytest.mark.parametrize(
        ("begin", "end", "masks"),
        [
            ([0, 1], [0, 3], ([1, 0], [1, 0])),
            ([0, 1, 0, 0], [1, 3, 6, 5], ([0] * 4, [0] * 4)),
            ([5, 1, 5], [5, 3, 5], ([1, 0, 1], [1, 0, 1])),
            ([0, -3], [1, -1], ([0], [0])),
        ],
    )
    def test_one_with_masks_becomes_one_without(self, begin, end, masks):
        def build(x):
            return ops.strided_slice(x, np.array(begin), np.array(end), [1] * len(end), *masks)

        changed = check(build, "Slice")
        told = [constant_in(changed, "Slice", i).tolist() for i in (1, 2, 3, 4)]
        assert told == [[1], [3], [1], [1]]

    def test_what_is_more_than_a_cut_stays(self):
        unchanged(lambda x: opset8.slice(x, [0], [4], [2], [1]))
        unchanged(lambda x: opset8.slice(x, [3], [0], [-1], [1]))
        unchanged(lambda x: opset8.slice(x, [1], [3], [1], [1]), (1, -1, 6, 5))
        # The same shape comes out, and not the same axes.
        masks = [0, 0], [0, 0], [1, 0], [0, 1]
        unchanged(lambda x: ops.strided_slice(x, [0, 0], [1, 1], [1, 1], *masks))

    def test_a_split_becomes_a_slice_for_each_part_that_is_taken(self):
        def build(x):
            parts = ops.split(x, 1, 2)
            return ops.relu(parts.output(1))

        changed = check(build, "Slice", "Relu")
        told = [constant_in(changed, "Slice", i).tolist() for i in (1, 2, 3, 4)]
        assert told == [[SHAPE[1] // 2], [SHAPE[1]], [1], [1]]

    def test_parts_may_be_of_any_lengths(self):
        def build(x):
            parts = ops.variadic_split(x, -3, [1, SHAPE[1] - 1])
            return ops.concat([parts.output(1), parts.output(0)], 1)

        check(build, "Slice", "Slice", "Concat")

    def test_a_split_into_one_part_is_dropped(self):
        check(lambda x: ops.relu(ops.split(x, 1, 1).output(0)), "Relu")

    def test_a_split_of_an_unknown_length_stays(self):
        unchanged(lambda x: ops.relu(ops.split(x, 1, 2).output(0)), (1, -1, 6, 5))

    def test_bounds_that_are_no_constants_stay(self):
        def build(x):
            start = ops.convert(ops.reduce_min(ops.abs(x), np.array([0, 1, 2, 3]), False), "i64")
            start = ops.reshape(ops.multiply(start, np.int64(0)), [1], False)
            return opset8.slice(x, start, [3], [1], [1])

        unchanged(build)
