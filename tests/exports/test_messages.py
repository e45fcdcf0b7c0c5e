# SPDX-License-Identifier: Apache-2.0
"""The declared messages are those of the packages that TensorFlow and Apple publish."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from trunkline.exports.messages import (
    BundleEntry,
    BundleHeader,
    CoreMLModel,
    GraphDef,
    SavedModel,
)


@pytest.fixture(scope="module")
def tensorflow_graph():
    from tensorflow.core.framework.graph_pb2 import GraphDef as TensorFlowGraph

    return TensorFlowGraph


@pytest.fixture(scope="module")
def tensorflow_messages(tensorflow_graph):
    """TensorFlow's own, in pairs with ours."""
    from tensorflow.core.protobuf import saved_model_pb2, tensor_bundle_pb2

    return [
        (GraphDef, tensorflow_graph),
        (SavedModel, saved_model_pb2.SavedModel),
        (BundleEntry, tensor_bundle_pb2.BundleEntryProto),
        (BundleHeader, tensor_bundle_pb2.BundleHeaderProto),
    ]


@pytest.fixture(scope="module")
def apple_model():
    logging.disable(logging.WARNING)  # coremltools says at import that it is not on macOS
    try:
        from coremltools.proto.Model_pb2 import Model
    finally:
        logging.disable(logging.NOTSET)
    return Model


def _disagreements(ours, theirs, seen) -> list[str]:
    """Compare two message descriptors, and all that they lead to, field by field."""
    if (ours.full_name, theirs.full_name) in seen:
        return []
    seen.add((ours.full_name, theirs.full_name))
    found = []
    for field in ours.fields:
        other = theirs.fields_by_name.get(field.name)
        if other is None:
            found.append(f"{theirs.full_name} has no {field.name}")
            continue
        if _facts(field) != _facts(other):
            found.append(f"{other.full_name}: {_facts(field)} is not {_facts(other)}")
        if field.message_type and other.message_type:
            found += _disagreements(field.message_type, other.message_type, seen)
        if field.enum_type and other.enum_type:
            found += _enum_disagreements(field.enum_type, other.enum_type)
    return found


def _facts(field) -> tuple:
    oneof = field.containing_oneof
    return (field.number, field.type, field.is_repeated, field.is_packed, oneof and oneof.name)


def _enum_disagreements(ours, theirs) -> list[str]:
    real = {value.name: value.number for value in theirs.values}
    return [f"{theirs.full_name}.{v.name}" for v in ours.values if real.get(v.name) != v.number]


def test_every_declared_tensorflow_field_is_tensorflows(tensorflow_messages):
    seen: set = set()
    for ours, theirs in tensorflow_messages:
        assert _disagreements(ours.DESCRIPTOR, theirs.DESCRIPTOR, seen) == []
    declared = set(GraphDef.DESCRIPTOR.file.message_types_by_name) - {"Unread"}
    assert declared <= {ours.rpartition(".")[2] for ours, _ in seen}


def test_every_declared_core_ml_field_is_apples(apple_model):
    seen: set = set()
    assert _disagreements(CoreMLModel.DESCRIPTOR, apple_model.DESCRIPTOR, seen) == []
    declared = set(CoreMLModel.DESCRIPTOR.file.message_types_by_name)
    assert declared <= {ours.rpartition(".")[2] for ours, _ in seen}


def test_the_comparison_would_notice_a_wrong_number(tensorflow_graph, apple_model):
    assert _disagreements(GraphDef.DESCRIPTOR, apple_model.DESCRIPTOR, set())
    node = GraphDef.DESCRIPTOR.fields_by_name["node"].message_type
    real = tensorflow_graph.DESCRIPTOR.fields_by_name["versions"].message_type
    assert _disagreements(node, real, set())


def test_every_layer_of_the_format_can_be_named(apple_model):
    def layers(model):
        network = model.DESCRIPTOR.fields_by_name["neuralNetwork"].message_type
        layer = network.fields_by_name["layers"].message_type
        return {field.name for field in layer.oneofs_by_name["layer"].fields}

    assert layers(CoreMLModel) == layers(apple_model)


def test_a_graph_survives_the_way_to_tensorflow_and_back(tensorflow_graph):
    graph = GraphDef()
    node = graph.node.add(name="k", op="Const", input=["^a", "b:1"])
    node.attr["dtype"].type = 1
    node.attr["strides"].list.i.extend([1, 2, -3])
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.tensor_shape.dim.add(size=2)
    node.attr["value"].tensor.tensor_content = np.float32([1.5, -2]).tobytes()
    theirs = tensorflow_graph.FromString(graph.SerializeToString())
    assert theirs.node[0].attr["strides"].list.i == [1, 2, -3]
    assert theirs.node[0].input == ["^a", "b:1"]
    assert GraphDef.FromString(theirs.SerializeToString()) == graph


def test_what_is_not_declared_is_skipped(apple_model):
    model = apple_model(specificationVersion=4, isUpdatable=True)
    model.description.metadata.author = "someone"
    model.description.input.add(name="data").type.imageType.width = 227
    model.neuralNetwork.layers.add(name="x").gelu.mode = 1
    ours = CoreMLModel.FromString(model.SerializeToString())
    assert ours.specificationVersion == 4
    assert ours.description.input[0].type.imageType.width == 227
    assert ours.neuralNetwork.layers[0].WhichOneof("layer") == "gelu"
