# SPDX-License-Identifier: Apache-2.0
"""Exports made for the tests with the frameworks that wrote the real ones.

Of the service's detectors there are only graphs in TensorFlow.js form, without their weights.
Filled with seeded random weights they become frozen graphs, as the service exported them too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import tensorflow as tf
    from numpy.typing import NDArray

    Array = NDArray[Any]
    GraphDef = tf.compat.v1.GraphDef

_COMPACT = "detector-compact-tfjs-graph-only"
_S1 = "detector-s1-tfjs-graph-only"
_LAST = {"_conf/": 2, "_loc/": 4, "m_outputs0": 8}
_NO_PADDING, _ONE = (0, 0), (1, 1)
# What the S1 graph needs beside weights; 3210 are its anchors, 12 its labels.
_S1_VALUES: Mapping[str, object] = {
    "mean_value": [-123.0, -117.0, -104.0],
    "padding": [_NO_PADDING, (0, 1), (0, 1), _NO_PADDING],
    "mbox_loc_shape": [-1, 4],
    "mbox_conf_shape": [-1],
    "mbox_loc/axis": 0,
    "mbox_conf/axis": 0,
    "Reshape_1/shape": [-1, 12],
    "Const_4": 0.2,
    "value0": 0,
    "value1": 1,
    "non_max_suppression/NonMaxSuppressionV3/max_output_size": 64,
    "non_max_suppression/iou_threshold": 0.5,
    "non_max_suppression/score_threshold": 0.01,
}


def compact_detector(shared: Path) -> GraphDef:
    """Return the graph of a compact detector (3 labels), frozen, with seeded random weights."""
    values = {"layer1_conv/pad_size/paddings": [_NO_PADDING, _ONE, _ONE, _NO_PADDING]}
    random = np.random.default_rng(11)
    # Most cells see nothing, as in a trained detector: the fifth of each anchor's eight numbers.
    bias = random.normal(0, 0.5, (5, 8))
    bias[:, 4] -= 2
    values["m_outputs0/biases"] = bias.reshape(-1)
    return _filled(shared / "models" / _COMPACT, values, random)


def s1_detector(shared: Path) -> GraphDef:
    """Return the graph of an S1 detector (12 labels), frozen, with seeded random weights."""
    random = np.random.default_rng(12)
    sides = random.uniform(0.05, 0.6, (3210, 2))
    values = {
        **_S1_VALUES,
        "prior_centers": random.uniform(0, 1, (3210, 2)),
        "mul": sides * 0.1,
        "mul_3": sides / 2,
        **{f"mbox{i}_conf/biases": random.normal(-6, 0.5, 72) for i in range(5)},
    }
    return _filled(shared / "models" / _S1, values, random)


def _filled(export: Path, values: Mapping[str, object], random: np.random.Generator) -> GraphDef:
    """Return the graph of a TensorFlow.js export with weights in it.

    Those not in ``values`` are random, of a size that keeps the layers' outputs near 1.
    """
    import tensorflow as tf
    from google.protobuf import json_format

    document = json.loads((export / "model.json").read_text("utf-8"))
    told = json_format.ParseDict(document["modelTopology"], tf.compat.v1.GraphDef())
    weights = {w["name"]: w for group in document["weightsManifest"] for w in group["weights"]}
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 27
    for node in told.node:
        if node.name in weights:
            shape, dtype = weights[node.name]["shape"], weights[node.name]["dtype"]
            made = values[node.name] if node.name in values else _weights(node.name, shape, random)
            value = np.asarray(made, dtype)
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, shape=shape))
        graph.node.extend(_unfused(node))
    return graph


def _weights(name: str, shape: Sequence[int], random: np.random.Generator) -> Array:
    if len(shape) != 4:
        return random.normal(0, 0.1, shape)
    fan_in = np.prod(shape[:2]) if shape[-1] == 1 else np.prod(shape[:-1])
    weights = random.normal(0, np.sqrt(2 / fan_in), shape)
    # The first layer takes pixels; the last ones shall not be surer than a trained network is.
    shrunk = 64 if shape[2] == 3 else next((s for n, s in _LAST.items() if n in name), 1)
    return weights / shrunk


def _unfused(node: Any) -> list[Any]:
    """Return the operations that TensorFlow.js's converter fused into one."""
    import tensorflow as tf

    kinds = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
    if node.op not in kinds:
        return [node]
    conv = tf.compat.v1.NodeDef(name=f"{node.name}/conv", op=kinds[node.op], input=node.input[:2])
    for key in ("T", "strides", "padding", "data_format", "dilations"):
        conv.attr[key].CopyFrom(node.attr[key])
    steps = [conv]
    for operation in node.attr["fused_ops"].list.s:
        last = steps[-1].name
        inputs = [last, node.input[2]] if operation == b"BiasAdd" else [last]
        name = f"{node.name}/{operation.decode()}"
        step = tf.compat.v1.NodeDef(name=name, op=operation.decode(), input=inputs)
        step.attr["T"].CopyFrom(node.attr["T"])
        steps.append(step)
    steps[-1].name = node.name
    return steps


def small_classifier(
    labels: int = 3, *, side: int = 224, seed: int = 0, last: str = "softmax"
) -> GraphDef:
    """Return a frozen classifier with the names of the service's: BGR, 0 to 255, mean inside."""
    import tensorflow as tf

    random = np.random.default_rng(seed)
    kernel = random.normal(0, 0.02, (5, 5, 3, 8)).astype(np.float32)
    weights = random.normal(0, 0.3, (8, labels)).astype(np.float32)
    graph = tf.Graph()
    with graph.as_default():
        taken = tf.compat.v1.placeholder(tf.float32, [None, side, side, 3], "Placeholder")
        centred = tf.subtract(taken, [104.0, 117.0, 123.0], "data_bn")
        features = tf.nn.relu(tf.nn.conv2d(centred, kernel, 4, "VALID", name="conv1"))
        scores = tf.linalg.matmul(tf.reduce_mean(features, [1, 2]), weights, name="dense")
        answer = tf.nn.softmax(scores) if last == "softmax" else tf.nn.sigmoid(scores)
        tf.identity(answer, "model_outputs")
    return graph.as_graph_def()


def small_detector() -> GraphDef:
    """Return a frozen graph of a compact detector's form, 3 labels, without its depth."""
    import tensorflow as tf

    random = np.random.default_rng(8)
    kernel = random.normal(0, 0.002, (8, 8, 3, 8)).astype(np.float32)
    last = random.normal(0, 0.3, (4, 4, 8, 40)).astype(np.float32)
    graph = tf.Graph()
    with graph.as_default():
        taken = tf.compat.v1.placeholder(tf.float32, [None, 416, 416, 3], "Placeholder")
        features = tf.nn.relu(tf.nn.conv2d(taken, kernel, 8, "SAME"))
        tf.identity(tf.nn.conv2d(features, last, 4, "SAME"), "model_outputs")
    return graph.as_graph_def()


def write(folder: Path, model: bytes, name: str = "model.pb", labels: Sequence[str] = ()) -> Path:
    """Write a model file with its ``labels.txt``; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(model)
    (folder / "labels.txt").write_text("\n".join(labels), "utf-8")
    return folder


def function(graph: GraphDef, taken: str, outputs: Mapping[str, str]) -> Any:
    """Return a frozen graph as a function of one picture tensor; outputs by name."""
    import tensorflow as tf

    (node,) = (n for n in graph.node if n.name == taken)
    shape = [None, *tf.TensorShape(node.attr["shape"].shape).as_list()[1:]]

    def imported(picture: Any) -> dict[str, Any]:
        found = tf.graph_util.import_graph_def(
            graph, {f"{taken}:0": picture}, list(outputs.values()), name=""
        )
        return dict(zip(outputs, found, strict=True))

    signature = tf.TensorSpec(shape, tf.float32, taken)
    return tf.compat.v1.wrap_function(imported, [signature])


def saved_model(folder: Path, graph: GraphDef, taken: str, outputs: Mapping[str, str]) -> Path:
    """Write a SavedModel as TensorFlow 1 did, the graph's tensors in its signature."""
    import tensorflow as tf

    with tf.Graph().as_default() as whole, tf.compat.v1.Session(graph=whole) as session:
        tf.graph_util.import_graph_def(graph, name="")
        tensors = {name: whole.get_tensor_by_name(tensor) for name, tensor in outputs.items()}
        tf.compat.v1.saved_model.simple_save(
            session, str(folder), {taken: whole.get_tensor_by_name(f"{taken}:0")}, tensors
        )
    return folder


def lite(graph: GraphDef, taken: str, output: str, *, half: bool = False) -> bytes:
    """Convert a graph to TensorFlow Lite; ``half`` keeps its weights as float16."""
    import tensorflow as tf

    made = function(graph, taken, {output: f"{output}:0"})
    converter = tf.lite.TFLiteConverter.from_concrete_functions([made])
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def keras_model(folder: Path) -> Path:
    """Write a Keras model of 3 labels with variables: 64 x 64, 0 to 255, its own scaling."""
    import keras

    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Rescaling(1 / 127.5, -1),
        keras.layers.Conv2D(8, 3, 2, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((64, 64, 3), name="data"), *layers])
    random = np.random.default_rng(3)
    # Fresh weights give every picture nearly the same answer, and normalise nothing.
    model.set_weights([random.uniform(0.2, 1, w.shape) - 0.5 * (w.ndim > 1) for w in model.weights])
    model.export(str(folder), verbose=False)
    return folder


def openvino_ir(folder: Path, made: Any, *, half: bool = False) -> Path:
    """Convert a file or function to OpenVINO's representation; ``half`` for float16."""
    import openvino

    folder.mkdir(parents=True, exist_ok=True)
    graph = made if isinstance(made, openvino.Model) else openvino.convert_model(made)
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=half)
    return folder


def openvino_export(folder: Path, frozen: Path, order: str, *, half: bool = False) -> Path:
    """Convert a frozen graph to what the service's OpenVINO exports are: NCHW, RGB, 0 to 1.

    Args:
        folder: The folder to write to.
        frozen: A frozen graph that takes NHWC, 0 to 255. Outputs of four axes become NCHW, too.
        order: The channel order that it takes.
        half: Whether to keep the weights as float16.
    """
    import openvino
    from openvino.preprocess import PrePostProcessor

    graph = openvino.convert_model(frozen)
    wrapped = PrePostProcessor(graph)
    wrapped.input().tensor().set_layout(openvino.Layout("NCHW"))
    wrapped.input().model().set_layout(openvino.Layout("NHWC"))
    wrapped.input().preprocess().scale(1 / 255)
    if order == "BGR":
        wrapped.input().preprocess().reverse_channels()
    for index, port in enumerate(graph.outputs):
        if port.get_partial_shape().rank.get_length() == 4:
            wrapped.output(index).model().set_layout(openvino.Layout("NHWC"))
            wrapped.output(index).tensor().set_layout(openvino.Layout("NCHW"))
    return openvino_ir(folder, wrapped.build(), half=half)


def before_export(tensor: Array, order: str) -> Array:
    """Return what the frozen graph behind an ``openvino_export`` is fed."""
    pixels = tensor.transpose(0, 2, 3, 1) * np.float32(255)
    return np.ascontiguousarray(pixels[..., ::-1] if order == "BGR" else pixels)


def onnx_classifier(
    *,
    opset: int = 13,
    half: bool = False,
    maximum: float = 255.0,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Return an ONNX classifier of 3 labels with the names of the service's: NCHW, 64 x 64.

    Args:
        opset: The version of its operations.
        half: Whether its input, weights and output are float16.
        maximum: What a full channel is.
        metadata: What it says of itself.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(5)
    number = np.float16 if half else np.float32
    weights = {
        "kernel": random.normal(0, 2.55 / maximum, (8, 3, 5, 5)),
        "shift": random.normal(0, 0.1, 8),
        "fc/kernel": random.normal(0, 0.5, (8, 3)),
        "fc/shift": random.normal(0, 0.1, 3),
    }
    nodes = [
        helper.make_node("Conv", ["data", "kernel", "shift"], ["conv"], strides=[2, 2]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc/kernel", "fc/shift"], ["fc"]),
        helper.make_node("Softmax", ["fc"], ["model_output"], axis=1),
    ]
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "CustomVision",
        [helper.make_tensor_value_info("data", kind, ["None", 3, 64, 64])],
        [helper.make_tensor_value_info("model_output", kind, ["None", 3])],
        [numpy_helper.from_array(v.astype(number), n) for n, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
