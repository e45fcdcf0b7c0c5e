# SPDX-License-Identifier: Apache-2.0
"""That every attribute of every listed type of operation is seen."""

from __future__ import annotations

import itertools
import json

import numpy as np
import openvino
import pytest
from openvino import opset1, opset8, opset14
from openvino import opset13 as ops

from graphs.operations import CASES, SHAPE
from trunkline.contracts import InputContract, Preset
from trunkline.graphs.attributes import KNOWN, attributes_of
from trunkline.graphs.identity import identify

CONTRACT = InputContract(8, 8, Preset.SAMPLE_STRETCH)


def taken(shape=SHAPE, dtype="f32"):
    return ops.parameter(list(shape), getattr(openvino.Type, dtype))


def identity_of(node, parameter):
    """Return a node's identity in a graph that gives all of its outputs."""
    graph = openvino.Model(list(node.outputs()), [parameter])
    return identify(graph, CONTRACT)[node.get_friendly_name()]


def test_the_list_is_what_is_tried_here():
    assert {(case.kind, f"opset{case.version}") for case in CASES} == KNOWN


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.version}")
def test_each_attribute_makes_another_identity(case):
    assert case.told() == set(case.attributes), "the function has attributes that are not tried"
    parameter = taken(dtype=case.dtype)
    plain = case.make(parameter)
    assert plain.get_type_name() == case.kind
    assert plain.get_type_info().version_id == f"opset{case.version}"
    json.dumps(attributes_of(plain))
    identity = identity_of(plain, parameter)
    assert identity_of(case.make(parameter), parameter) == identity
    for name, (_, other) in case.attributes.items():
        changed = case.make(parameter, **{name: other})
        assert identity_of(changed, parameter) != identity, name


def test_versions_that_may_mean_different_things_are_apart():
    different = [c for c in CASES if c.kind not in {"AvgPool", "MaxPool", "Softmax"}]
    for kind, group in itertools.groupby(sorted(different, key=lambda c: c.kind), lambda c: c.kind):
        cases = list(group)
        parameter = taken(dtype=cases[0].dtype)
        found = [identity_of(case.make(parameter), parameter) for case in cases]
        assert len(set(found)) == len(found), kind


@pytest.mark.parametrize("kind", ["AvgPool", "MaxPool", "Softmax"])
def test_versions_that_mean_the_same_are_the_same(kind):
    parameter = taken()
    made = [case.make(parameter) for case in CASES if case.kind == kind]
    found = [
        identify(openvino.Model([node.output(0)], [parameter]), CONTRACT)[node.get_friendly_name()]
        for node in made
    ]
    assert len(found) > 1
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda x: opset8.random_uniform(ops.shape_of(x), np.float32(0), np.float32(1), "f32", 1, 2),
        lambda x: ops.grn(x, 1.0),
        lambda x: ops.add(x, x, auto_broadcast="PDPD"),
        lambda x: ops.concat([ops.rdft(x, [2, 3])], 0),
    ],
    ids=["random", "not listed", "axis not shown", "behind one"],
)
def test_an_operation_that_may_hold_more_is_like_no_other(make):
    parameter = taken()
    node = make(parameter)
    assert identity_of(node, parameter) != identity_of(node, parameter)


def body_of_a_loop():
    inner = ops.parameter(list(SHAPE), openvino.Type.f32)
    doubled = ops.add(inner, inner)
    go_on = ops.constant(np.array(True))
    return openvino.Model([doubled.output(0), go_on.output(0)], [inner])


def a_loop(parameter):
    loop = ops.loop(ops.constant(np.int64(2)), ops.constant(np.array(True)))
    body = body_of_a_loop()
    loop.set_function(body)
    result = body.get_results()[0]
    loop.set_merged_input(body.get_parameters()[0], parameter.output(0), result.output(0))
    loop.set_special_body_ports([-1, 1])
    loop.get_iter_value(result.output(0), -1)
    return loop


def a_branch(parameter):
    branch = ops.if_op(ops.constant(np.array(True)))
    bodies = []
    for make in (ops.relu, ops.tanh):
        inner = ops.parameter(list(SHAPE), openvino.Type.f32)
        bodies.append(openvino.Model([make(inner).output(0)], [inner]))
    branch.set_then_body(bodies[0])
    branch.set_else_body(bodies[1])
    branch.set_input(parameter.output(0), *(body.get_parameters()[0] for body in bodies))
    branch.set_output(*(body.get_results()[0] for body in bodies))
    return branch


@pytest.mark.parametrize("make", [a_loop, a_branch])
def test_bodies_are_like_no_other(make):
    parameter = taken()
    node = make(parameter)
    node.validate_and_infer_types()
    assert attributes_of(node) is None
    assert identity_of(node, parameter) != identity_of(node, parameter)


class TestWindows:
    """The same windows, told in different ways."""

    def convolution(self, shape=(1, 2, 9, 9), stride=1, dilation=1, **more):
        weights = ops.constant(np.ones((3, 2, 3, 3), np.float32))
        told = {"pads_begin": [0, 0], "pads_end": [0, 0]} | more
        return attributes_of(
            ops.convolution(
                taken(shape), weights, strides=[stride] * 2, dilations=[dilation] * 2, **told
            )
        )

    def test_same_padding_is_the_padding_it_comes_to(self):
        assert self.convolution(auto_pad="same_upper") == self.convolution(
            pads_begin=[1, 1], pads_end=[1, 1]
        )
        even = {"shape": (1, 2, 8, 8), "stride": 2}
        upper = self.convolution(**even, auto_pad="same_upper")
        assert upper == self.convolution(**even, pads_end=[1, 1])
        lower = self.convolution(**even, auto_pad="same_lower")
        assert lower == self.convolution(**even, pads_begin=[1, 1])
        assert lower != upper

    def test_padding_that_no_window_reaches_does_not_matter(self):
        assert self.convolution(stride=2) == self.convolution(stride=2, pads_end=[1, 1])
        assert self.convolution(stride=2) != self.convolution(stride=2, pads_end=[2, 2])
        assert self.convolution(stride=2) != self.convolution(stride=2, pads_begin=[1, 1])

    def test_valid_padding_is_none_whatever_the_lines(self):
        assert self.convolution(auto_pad="valid", pads_begin=[1, 1]) == self.convolution()

    def test_lines_below_zero_are_left_as_they_are_told(self):
        assert self.convolution(pads_end=[-2, 0]) != self.convolution()
        assert self.convolution(pads_begin=[-1, 0], pads_end=[0, 0]) != self.convolution(
            pads_begin=[-1, 0], pads_end=[-1, 0]
        )

    def test_open_sizes_are_told_by_all_there_is(self):
        open_sizes = {"shape": (1, 2, -1, -1)}
        lines = self.convolution(**open_sizes, pads_begin=[1, 1], pads_end=[1, 1])
        assert self.convolution(**open_sizes, stride=2, auto_pad="same_upper") != self.convolution(
            **open_sizes, stride=2, pads_begin=[1, 1], pads_end=[1, 1]
        )
        assert self.convolution(**open_sizes, pads_begin=[1, 1], pads_end=[1, 0]) != lines
        assert self.convolution(**open_sizes, pads_begin=[1, 1], pads_end=[1, 1]) == lines

    def test_padding_that_keeps_the_size_is_one_for_all_sizes(self):
        open_sizes = {"shape": (1, 2, -1, -1)}
        for dilation in (1, 2):
            told = {"pads_begin": [dilation] * 2, "pads_end": [dilation] * 2}
            same = self.convolution(**open_sizes, dilation=dilation, auto_pad="same_upper")
            assert same == self.convolution(**open_sizes, dilation=dilation, **told)

        def even(auto_pad, begin=0, end=0):
            told = [1, 1], [1, 1], [begin] * 2, [end] * 2, [2, 2], "floor", auto_pad
            return attributes_of(opset14.max_pool(taken((1, 2, -1, -1)), *told))

        assert even("same_upper") == even("explicit", 0, 1)
        assert even("same_lower") == even("explicit", 1, 0)
        assert even("same_upper") != even("same_lower")

    def test_rounding_up_is_more_windows(self):
        def pool(rounding, end, shape=(1, 2, 8, 8)):
            node = opset14.max_pool(
                taken(shape), [2, 2], [1, 1], [0, 0], [end] * 2, [3, 3], rounding, "explicit"
            )
            return attributes_of(node)

        assert pool("ceil", 0) == pool("floor", 1)
        assert pool("ceil", 0) != pool("floor", 0)
        assert pool("ceil", 0, (1, 2, -1, 8)) != pool("floor", 0, (1, 2, -1, 8))

    def test_an_average_that_counts_padding_is_told_how_much(self):
        def average(end, exclude):
            return attributes_of(
                ops.avg_pool(taken((1, 2, 9, 9)), [2, 2], [1, 1], [end] * 2, [3, 3], exclude)
            )

        assert average(1, exclude=True) == average(1, exclude=True)
        assert average(1, exclude=False) != average(1, exclude=True)
        assert average(1, exclude=False) != average(2, exclude=False)
        assert average(1, exclude=True) == average(2, exclude=True)

    def test_indices_matter_where_they_are_used(self):
        def pool(axis, use):
            parameter = taken()
            node = opset14.max_pool(
                parameter, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2], "floor", "explicit", "i64", axis
            )
            ends = node.outputs() if use else [node.output(0)]
            graph = openvino.Model(ends, [parameter])
            return identify(graph, CONTRACT)[node.get_friendly_name()]

        assert pool(0, use=False) == pool(2, use=False)
        assert pool(0, use=True) != pool(2, use=True)


@pytest.mark.parametrize("make", [opset1.softmax, opset8.softmax])
def test_axes_count_from_the_front(make):
    assert attributes_of(make(taken(), 3)) == {"axis": 3}
    assert attributes_of(opset8.softmax(taken(), -1)) == {"axis": 3}
    joined = [attributes_of(ops.concat([taken(), taken()], axis)) for axis in (-3, 1, -1)]
    assert joined == [{"axis": 1}, {"axis": 1}, {"axis": 3}]
