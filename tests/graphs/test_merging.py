# SPDX-License-Identifier: Apache-2.0
"""Outlines, and which of the real exports have a trunk in common."""

from __future__ import annotations

import shutil

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from graphs.conftest import read
from graphs.networks import Conv, Dense, Mean, Network, contract_of, fed, picture, run
from graphs.writing import graph_of
from trunkline.contracts import InputContract, Preset
from trunkline.exports.messages import GraphDef
from trunkline.graphs.comparing import first_difference
from trunkline.graphs.identity import input_identity
from trunkline.graphs.merging import outline, steps_behind
from trunkline.graphs.sharing import split

CONTRACT = InputContract(8, 8, Preset.SAMPLE_STRETCH)
NETWORK = Network((Conv(), Mean(), Dense()))


def outline_of(make, shape=(1, 8, 8, 3)):
    taken = ops.parameter(list(shape), openvino.Type.f32)
    made = make(taken)
    nodes = made if isinstance(made, list) else [made]
    ends = [node.output(0) if isinstance(node, openvino.Node) else node for node in nodes]
    return outline(openvino.Model(ends, [taken]), CONTRACT)


def kinds(found):
    return [step.kind for step in found.steps.values()]


def test_an_outline_tells_every_operation():
    found = outline(graph_of(NETWORK), contract_of(NETWORK))
    assert kinds(found) == [
        "Parameter", "Transpose", "Add", "Convolution", "Add", "Relu", "ReduceMean", "Reshape",
        "MatMul", "Add", "Softmax",
    ]  # fmt: skip
    in_graph = {node.get_friendly_name(): node for node in found.graph.get_ordered_ops()}
    assert found.names.keys() == found.steps.keys()
    for identity, name in found.names.items():
        assert in_graph[name].get_type_name() == found.steps[identity].kind
    seen = set()
    for identity, step in found.steps.items():
        assert {tensor.identity for tensor in step.takes} <= seen
        seen.add(identity)
    assert next(iter(found.steps)) == input_identity(found.contract)
    convolution = next(step for step in found.steps.values() if step.kind == "Convolution")
    assert convolution.macs == 12 * 11 * 4 * 27
    assert convolution.weight_bytes == 4 * 27 * 4


def test_a_dense_head_and_its_features():
    found = outline(graph_of(NETWORK), contract_of(NETWORK))
    assert found.steps[found.features.identity].kind == "Reshape"
    assert found.head.weights.shape == (3, 4)
    assert [found.steps[t.identity].kind for t in found.outputs] == ["Softmax"]
    headless = outline_of(ops.relu)
    assert headless.head is None
    assert headless.features is None


def test_what_is_written_twice_is_one_operation():
    def make(x):
        best = [ops.topk(ops.relu(x), np.int64(2), 3, "max", "value") for _ in range(2)]
        return [ops.exp(best[0].output(0)), ops.tanh(best[1].output(0)), ops.exp(x)]

    found = outline_of(make)
    assert sorted(kinds(found)) == ["Exp", "Exp", "Parameter", "Relu", "Tanh", "TopK"]
    in_graph = [node.get_type_name() for node in found.graph.get_ordered_ops()]
    assert in_graph.count("TopK") == in_graph.count("Relu") == 1
    tensor = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    behind = np.sort(np.maximum(tensor, 0))[..., :0:-1]
    for given, expected in zip(run(found.graph, tensor), (np.exp, np.tanh), strict=False):
        np.testing.assert_allclose(given, expected(behind), rtol=1e-5)


def test_equal_whole_numbers_of_another_width_stay_two_constants():
    def make(x):
        narrow, wide = (ops.constant(np.full((1, 8, 8, 3), 5, t)) for t in (np.int32, np.int64))
        return [
            ops.add(ops.convert(x, "i32"), narrow),
            ops.add(ops.convert(x, "i64"), wide),
        ]

    found = outline_of(make)
    assert [str(port.get_element_type()) for port in found.graph.outputs] == [
        "<Type: 'int32_t'>", "<Type: 'int64_t'>",
    ]  # fmt: skip


def test_random_numbers_are_drawn_as_often_as_they_are_written():
    def make(x):
        drawn = [
            ops.random_uniform(ops.shape_of(x), np.float32(0), np.float32(1), "f32")
            for _ in range(2)
        ]
        return [ops.add(x, each) for each in drawn]

    found = outline_of(make)
    assert kinds(found).count("RandomUniform") == 2
    assert found.outputs[0] != found.outputs[1]
    assert not set(found.outputs) & set(outline_of(make).outputs)


def test_a_constant_that_is_an_answer_is_a_step():
    found = outline_of(lambda x: [ops.relu(x), ops.constant(np.arange(3.0, dtype=np.float32))])
    assert sorted(kinds(found)) == ["Constant", "Parameter", "Relu"]
    last = found.outputs[1]
    assert found.steps[last.identity].takes == ()
    assert found.names[last.identity] in {n.get_friendly_name() for n in found.graph.get_ops()}


def test_steps_behind_tensors():
    found = outline_of(lambda x: [ops.exp(ops.relu(x)), ops.tanh(ops.relu(x)), ops.sin(x)])
    exp, tanh, sin = found.outputs
    assert [found.steps[i].kind for i in steps_behind([exp], found.steps)] == [
        "Exp", "Relu", "Parameter",
    ]  # fmt: skip
    both = [found.steps[i].kind for i in steps_behind([exp, tanh], found.steps)]
    assert sorted(both) == ["Exp", "Parameter", "Relu", "Tanh"]
    assert sin.identity not in set(steps_behind([exp, tanh], found.steps))


def test_the_outline_answers_as_the_graph_did():
    graph, contract = graph_of(NETWORK), contract_of(NETWORK)
    found, tensor = outline(graph, contract), picture(NETWORK)
    expected = run(graph, fed(tensor, contract))[0]
    np.testing.assert_allclose(run(found.graph, tensor)[0], expected, rtol=1e-5)


EPSILON = {
    "bananas", "bear-1-label", "bears", "cat-dog-onnx-opset1", "desk-earlier-coreml",
    "desk-earlier-onnx-opset1", "desk-earlier-pb", "desk-pb", "fruit-2", "fruit-4",
    "hotdog-container", "lane-explicit-pad", "plankton-4-onnx-opset1", "plankton-5-onnx-opset1",
    "rock-paper-scissors", "sign-14", "soda-softmax",
}  # fmt: skip
EXACT_MEAN = {
    "cat-dog-onnx-opset7", "desk-onnx-opset7", "fruit-7-coreml", "fruit-7-no-mean", "fruit-7-tflite",
}  # fmt: skip
APART = {
    "apple-orange-container-2025", "food-onnx-opset1", "landmarks-other-trunk",
    "landmarks-third-trunk", "meter-container-2025",
}  # fmt: skip


class TestRealExports:
    def test_which_have_the_same_features(self, outlines):
        groups = {}
        for name, found in outlines.items():
            assert found.head is not None
            groups.setdefault(found.features, set()).add(name)
        assert sorted(groups.values(), key=min) == sorted(
            [EPSILON, EXACT_MEAN, *({name} for name in APART)], key=min
        )

    def test_each_group_is_one_segment(self, outlines):
        features = {found.features: found for found in outlines.values()}
        steps = {i: step for found in features.values() for i, step in found.steps.items()}
        segments = split([(tensor,) for tensor in features], steps)
        assert [segment.users for segment in segments] == [(index,) for index in range(7)]
        assert [segment.gives for segment in segments] == [(tensor,) for tensor in features]

    def test_a_trunk_is_all_but_the_last_layer(self, outlines):
        one, other = outlines["fruit-2"], outlines["soda-softmax"]
        assert one.outputs != other.outputs
        own = [one.steps[i].kind for i in one.steps.keys() - other.steps.keys()]
        assert sorted(own) == ["Add", "MatMul", "Sigmoid"]
        weights = sum(step.weight_bytes for step in one.steps.values())
        assert one.head.weights.nbytes / weights < 0.01

    def test_a_segment_for_each_of_two_heads_that_are_not_packed(self, outlines):
        users = [outlines[name] for name in ("fruit-2", "soda-softmax", "fruit-7-tflite")]
        steps = {i: step for found in users for i, step in found.steps.items()}
        segments = split([found.outputs for found in users], steps)
        assert [segment.users for segment in segments] == [(0, 1), (0,), (1,), (2,)]
        assert segments[0].gives == (users[0].features,)
        assert segments[1].takes == segments[2].takes == (users[0].features,)

    @pytest.mark.parametrize("bit", [0, 31])
    def test_one_flipped_bit_in_a_file_is_apart(self, shared, outlines, tmp_path, bit):
        source = shared / "models" / "fruit-2"
        shutil.copy(source / "labels.txt", tmp_path)
        data = bytearray((source / "model.pb").read_bytes())
        node = next(
            node
            for node in GraphDef.FromString(bytes(data)).node
            if node.op == "Const" and len(node.attr["value"].tensor.tensor_shape.dim) == 4
        )
        weights = bytes(node.attr["value"].tensor.tensor_content)
        assert data.count(weights) == 1
        place = data.index(weights) + 4 * (len(weights) // 8)
        data[place + bit // 8] ^= 1 << bit % 8
        (tmp_path / "model.pb").write_bytes(data)
        plain, changed = outlines["fruit-2"], read(tmp_path)
        assert plain.features != changed.features
        found = first_difference(plain, changed)
        assert found.kind == "Convolution"
        assert "differ in 1 of " in found.what
