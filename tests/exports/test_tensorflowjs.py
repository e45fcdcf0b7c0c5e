# SPDX-License-Identifier: Apache-2.0
"""TensorFlow.js graph models, read and run, against TensorFlow running the same graph.

The three real graphs have no weights. Theirs are drawn here; for the whole numbers among them
(shapes, axes, border widths) the graphs' names and the sizes of their tensors leave one choice.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import tensorflowjs

if TYPE_CHECKING:
    from pathlib import Path

ONE_PIXEL = [[0, 0], [1, 1], [1, 1], [0, 0]]


@dataclass(frozen=True, eq=False)
class Real:
    """A real graph: its folder, its input, the constants that are no free choice, its outputs."""

    name: str
    side: int
    fixed: dict
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def shuffle_constants() -> dict:
    """The constants of ShuffleNetV2's channel shuffles and splits, stage by stage."""
    found = {}
    for stage, (side, half) in enumerate(((28, 58), (14, 116), (7, 232))):
        found[f"block{stage}_0_reshape0/shape"] = [1, side * side, 2, half]
        found[f"block{stage}_0_reshape1/shape"] = [1, side, side, 2 * half]
        found[f"block{stage}_1_slice-Slice1/begin"] = [0, 0, 0, half]
        found[f"block{stage}_1_slice-Slice0/size"] = [1, side, side, half]
    return found


CLASSIFIER = Real(
    "classifier-tfjs-graph-only",
    224,
    {
        **shuffle_constants(),
        "fc/Reshape/shape": [-1, 1024],
        "block0_0_transpose/perm": [0, 1, 3, 2],
        "block0_0_concat/axis": 3,
        "block0_1_slice-Slice0/begin": [0, 0, 0, 0],
        "conv0/pad_size/paddings": ONE_PIXEL,
        "data_bn/data_bn/Rsqrt/_0__cf__0": [1 / 64] * 3,
        "data_bn/data_bn/mul_1/_1__cf__1": [-104 / 64, -117 / 64, -123 / 64],
    },
    ("model_outputs:0",),
)
COMPACT = Real(
    "detector-compact-tfjs-graph-only",
    416,
    {"layer1_conv/pad_size/paddings": ONE_PIXEL},
    ("model_outputs:0",),
)
S1 = Real(
    "detector-s1-tfjs-graph-only",
    320,
    {
        "mbox_loc_shape": [-1, 4],
        "mbox_loc/axis": 0,
        "mbox_conf_shape": [-1],
        "mbox_conf/axis": 0,
        "Reshape_1/shape": [-1, 12],
        "padding": ONE_PIXEL,
        "value0": 0,
        "value1": 1,
        "mean_value": [-123.0, -117.0, -104.0],
        "non_max_suppression/NonMaxSuppressionV3/max_output_size": 64,
        "non_max_suppression/iou_threshold": 0.5,
        "non_max_suppression/score_threshold": 0.01,
    },
    ("detected_classes:0", "detected_scores:0", "detected_boxes:0"),
)
REALS = [CLASSIFIER, COMPACT, S1]


def drawn(real: Real, weight: dict, rng: np.random.Generator) -> np.ndarray:
    """Values that let activations neither vanish nor explode (He's rule for the kernels)."""
    name, shape = weight["name"], weight["shape"]
    if name in real.fixed:
        return np.array(real.fixed[name], weight["dtype"]).reshape(shape)
    assert weight["dtype"] == "float32", name
    values = rng.normal(size=shape)
    if len(shape) == 4:
        inputs = shape[0] * shape[1] * (1 if shape[3] == 1 else shape[2])
        pixels = name in {"layer1_conv/weights", "conv1/conv1/weights", "conv1/weights"}
        values *= np.sqrt(2 / inputs) / (64 if pixels and real is not CLASSIFIER else 1)
    elif name == "prior_centers":
        values = rng.uniform(size=shape)
    else:
        values *= 0.001 if name == "fc/weights" else 0.1
    return values.astype(np.float32)


def stored(values: np.ndarray, quantise: str | None) -> tuple[bytes, dict]:
    """A weight's bytes in the shard, and what its manifest entry says of them."""
    if quantise is None or values.dtype != np.float32 or values.size < 2:
        return values.tobytes(), {}
    if quantise == "float16":
        return values.astype(np.float16).tobytes(), {"quantization": {"dtype": "float16"}}
    low, high = float(values.min()), float(values.max())
    scale = (high - low) / np.iinfo(quantise).max or 1.0
    levels = np.rint((values - low) / scale).astype(quantise)
    return levels.tobytes(), {"quantization": {"dtype": quantise, "min": low, "scale": scale}}


def dequantised(weight: dict, content: bytes) -> np.ndarray:
    """TensorFlow.js' own rule, once more."""
    quantisation = weight.get("quantization")
    if quantisation is None:
        return np.frombuffer(content, weight["dtype"])
    values = np.frombuffer(content, quantisation["dtype"])
    if quantisation["dtype"] == "float16":
        return values.astype(np.float32)
    return np.float32(np.float64(values) * quantisation["scale"] + quantisation["min"])


def filled(real: Real, shared: Path, folder: Path, quantise: str | None = None) -> dict:
    """Write a real graph with drawn weights into a folder; return the values of its constants."""
    document = json.loads((shared / "models" / real.name / "model.json").read_text())
    rng = np.random.default_rng(0)
    constants, shards = {}, []
    for group in document["weightsManifest"]:
        for weight in group["weights"]:
            content, said = stored(drawn(real, weight, rng), quantise)
            weight.update(said)
            shards.append(content)
            constants[weight["name"]] = dequantised(weight, content).reshape(weight["shape"])
    (folder / "model.json").write_text(json.dumps(document))
    (folder / "weights.bin").write_bytes(b"".join(shards))
    return constants


def in_tensorflow(path: Path, constants: dict, outputs: tuple[str, ...]):
    """The graph of a ``model.json`` with its constants, as a function run by TensorFlow."""
    import tensorflow as tf
    from google.protobuf import json_format

    document = json.loads(path.read_text())
    graph = json_format.ParseDict(document["modelTopology"], tf.compat.v1.GraphDef())
    plain = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        if node.name in constants:
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(constants[node.name]))
        plain.node.extend(depthwise_parts(node))
    whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(plain, name=""), [])
    start = next(node.name for node in graph.node if node.op == "Placeholder")
    pruned = whole.prune(f"{start}:0", list(outputs))
    return lambda picture: [value.numpy() for value in pruned(tf.constant(picture))]


def depthwise_parts(node) -> list:
    """TensorFlow has a kernel for _FusedConv2D, and none for the fused depthwise convolution."""
    import tensorflow as tf

    if node.op == "_FusedConv2D":
        node.attr["TArgs"].list.type.extend([1] * node.attr["num_args"].i)
    if node.op != "FusedDepthwiseConv2dNative":
        return [node]
    assert list(node.attr["fused_ops"].list.s) == [b"BiasAdd", b"Relu6"]
    nodes = tf.compat.v1.GraphDef().node
    first = nodes.add(name=f"{node.name}_a", op="DepthwiseConv2dNative", input=node.input[:2])
    for name in ("T", "strides", "padding", "data_format", "dilations"):
        first.attr[name].CopyFrom(node.attr[name])
    second = nodes.add(name=f"{node.name}_b", op="BiasAdd", input=[first.name, node.input[2]])
    third = nodes.add(name=node.name, op="Relu6", input=[second.name])
    second.attr["T"].type = third.attr["T"].type = 1
    return [first, second, third]


def run(graph: openvino.Model, picture: np.ndarray) -> dict[str, np.ndarray]:
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {
        name: np.array(value)
        for output, value in compiled(picture).items()
        for name in output.get_names()
    }


def pixels(side: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (1, side, side, 3)).astype(np.float32)


def assert_described(network, real: Real) -> None:
    """One input, the outputs by name and in order, and what the file says of itself."""
    (given_,) = network.graph.inputs
    assert str(given_.get_partial_shape()) == f"[?,{real.side},{real.side},3]"
    for output, name in zip(network.graph.outputs, real.outputs, strict=True):
        assert name in output.get_names()
    assert network.format == "TensorFlow.js"
    assert network.labels is None
    assert network.metadata == ({"Image.BitmapPixelFormat": "Rgb8"} if real is S1 else {})


@pytest.fixture
def answers(shared, tmp_path):
    """OpenVINO's and TensorFlow's answers of a real graph."""

    def of(real: Real, quantise: str | None = None):
        constants = filled(real, shared, tmp_path, quantise)
        network = tensorflowjs.read(tmp_path / "model.json")
        assert_described(network, real)
        picture = pixels(real.side)
        theirs = in_tensorflow(tmp_path / "model.json", constants, real.outputs)(picture)
        ours = run(network.graph, picture)
        return [ours[name] for name in real.outputs], theirs

    return of


# The real graphs


@pytest.mark.parametrize("quantise", [None, "float16", "uint8"])
def test_the_classifier_answers_as_in_tensorflow(answers, quantise):
    (ours,), (theirs,) = answers(CLASSIFIER, quantise)
    assert 0.01 < theirs.min() < 0.99, "weights drawn so would tell nothing"
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_the_compact_detector_answers_as_in_tensorflow(answers):
    (ours,), (theirs,) = answers(COMPACT)
    assert 0.1 < theirs.std() < 100, "weights drawn so would tell nothing"
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


def test_the_s1_detector_finds_the_same_boxes(answers):
    ours, theirs = answers(S1)
    assert len(theirs[0]) > 10
    assert len(set(theirs[0])) > 1

    def found(classes, scores, boxes):
        rows = np.column_stack([classes, scores, boxes])
        return rows[np.lexsort(rows.T.round(3))]

    np.testing.assert_allclose(found(*ours), found(*theirs), rtol=1e-4, atol=1e-4)


# Small graphs made here


def attribute(value) -> dict:
    """A Python value as the JSON of an AttrValue."""
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, float):
        return {"f": value}
    if isinstance(value, list):
        if value and isinstance(value[0], str):
            return {"list": {"s": [base64.b64encode(text.encode()).decode() for text in value]}}
        return {"list": {"i": [str(number) for number in value]}}
    if isinstance(value, tuple):
        return {"shape": {"dim": [{"size": str(length)} for length in value]}}
    if value.startswith("DT_"):
        return {"type": value}
    return {"s": base64.b64encode(value.encode()).decode()}


def node(name: str, op: str, *inputs: str, **attributes) -> dict:
    attr = {key: attribute(value) for key, value in attributes.items()}
    return {"name": name, "op": op, "input": list(inputs), "attr": attr}


def constant(name: str, values: np.ndarray, dtype: str = "DT_FLOAT") -> dict:
    made = node(name, "Const", dtype=dtype)
    shape = {"dim": [{"size": str(length)} for length in values.shape]}
    made["attr"]["value"] = {"tensor": {"dtype": dtype, "tensorShape": shape}}
    return made


@dataclass
class Small:
    """A small model: nodes, the values of its constants, and what else ``model.json`` holds."""

    nodes: list
    weights: dict
    more: dict

    def document(self, **quantization) -> dict:
        entries = [
            {"name": name, "shape": list(values.shape), "dtype": str(values.dtype)}
            for name, values in self.weights.items()
        ]
        for entry in entries:
            if entry["name"] in quantization:
                entry["quantization"] = quantization[entry["name"]]
        return {
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": entries}],
        } | self.more

    @property
    def shard(self) -> bytes:
        return b"".join(values.tobytes() for values in self.weights.values())


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def dense(steps: list[str], **attributes) -> Small:
    """A fused matrix product of (any, 4) and (4, 3)."""
    weights = {"k": values(4, 3), "b": values(3, seed=1)}
    fused = node(
        "y", "_FusedMatMul", "x", "k", *["b"] * steps.count("BiasAdd"),
        T="DT_FLOAT", transpose_a=False, transpose_b=False, fused_ops=steps, **attributes,
    )  # fmt: skip
    nodes = [node("x", "Placeholder", dtype="DT_FLOAT", shape=(-1, 4)), fused]
    used = weights if "BiasAdd" in steps else {"k": weights["k"]}
    return Small(nodes + [constant(name, value) for name, value in used.items()], used, {})


def written(document: dict, folder: Path, shard: bytes = b"", name: str = "weights.bin") -> Path:
    (folder / name).write_bytes(shard)
    path = folder / "model.json"
    path.write_text(json.dumps(document))
    return path


def answer(small: Small, picture: np.ndarray, folder: Path) -> np.ndarray:
    network = tensorflowjs.read(written(small.document(), folder, small.shard))
    return run(network.graph, picture)["y:0"]


FUNCTIONS = {
    "Relu": lambda x: np.maximum(x, 0),
    "Relu6": lambda x: np.clip(x, 0, 6),
    "Elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Tanh": np.tanh,
    "LeakyRelu": lambda x: np.where(x > 0, x, 0.3 * x),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_product_its_bias_and_its_function_are_taken_apart(tmp_path, function):
    more = {"leakyrelu_alpha": 0.3} if function == "LeakyRelu" else {}
    small = dense(["BiasAdd", function], **more)
    picture = values(5, 4, seed=2) * 4
    expected = FUNCTIONS[function](picture @ small.weights["k"] + small.weights["b"])
    np.testing.assert_allclose(answer(small, picture, tmp_path), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [[], ["BiasAdd"], ["Relu"]])
def test_not_all_parts_need_be_there(tmp_path, steps):
    small = dense(steps)
    picture = values(5, 4, seed=2)
    expected = picture @ small.weights["k"] + small.weights.get("b", 0)
    expected = np.maximum(expected, 0) if "Relu" in steps else expected
    np.testing.assert_allclose(answer(small, picture, tmp_path), expected, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_taken_apart_is_named(tmp_path):
    small = dense(["BiasAdd", "Prelu"])
    with pytest.raises(UnsupportedExportError, match=r"'y' fuses Prelu"):
        tensorflowjs.read(written(small.document(), tmp_path, small.shard))
    small = dense(["BiasAdd"])
    small.nodes[1]["input"].pop()
    with pytest.raises(ExportError, match="'y' has 2 inputs"):
        tensorflowjs.read(written(small.document(), tmp_path, small.shard))


def summed(**weights) -> Small:
    """A graph that adds its constants, as float32, to (any, 3)."""
    kinds = {"float32": "DT_FLOAT", "int32": "DT_INT32", "bool": "DT_BOOL"}
    nodes, last = [node("x0", "Placeholder", dtype="DT_FLOAT", shape=(-1, 3))], "x0"
    for i, (name, value) in enumerate(weights.items(), start=1):
        kind = kinds[str(value.dtype)]
        nodes.append(constant(name, value, kind))
        nodes.append(node(f"{name}_f", "Cast", name, SrcT=kind, DstT="DT_FLOAT"))
        result = "y" if i == len(weights) else f"x{i}"
        nodes.append(node(result, "AddV2", last, f"{name}_f", T="DT_FLOAT"))
        last = result
    return Small(nodes, weights, {})


def test_weights_may_be_numbers_of_three_kinds(tmp_path):
    small = summed(
        f=np.float32([0.5, 1, 2]), i=np.int32([10, -20, 30]), b=np.array([True, False, True])
    )
    expected = [[11.5, -19, 33]]
    np.testing.assert_array_equal(answer(small, np.zeros((1, 3), np.float32), tmp_path), expected)


def test_a_constant_keeps_the_type_of_the_graph(tmp_path):
    # The converter stores int64 constants as int32, and leaves the graph's type as it was.
    small = summed(i=np.int32([10, -20, 30]))
    small.nodes[1] = constant("i", small.weights["i"], "DT_INT64")
    small.nodes[2] = node("i_f", "Cast", "i", SrcT="DT_INT64", DstT="DT_FLOAT")
    zero = np.zeros((1, 3), np.float32)
    np.testing.assert_array_equal(answer(small, zero, tmp_path), [[10, -20, 30]])


@pytest.mark.parametrize("storage", ["uint8", "uint16"])
@given(low=st.floats(-1e3, 1e3, width=32), scale=st.floats(1e-6, 10), data=st.data())
@settings(max_examples=15, deadline=None)
def test_quantised_weights_are_expanded(tmp_path_factory, storage, low, scale, data):
    top = np.iinfo(storage).max
    levels = np.array(data.draw(st.lists(st.integers(0, top), min_size=3, max_size=3)), storage)
    rule = {"dtype": storage, "min": low, "scale": scale}
    small = summed(f=np.zeros(3, np.float32), i=np.zeros(3, np.int32))
    path = written(
        small.document(f=rule, i=rule), tmp_path_factory.mktemp("q"), levels.tobytes() * 2
    )
    constants = constants_of(tensorflowjs.read(path).graph)
    real = [int(level) * scale + low for level in levels]
    assert np.float32(real).tobytes() in constants
    assert np.int32([np.floor(value + 0.5) for value in real]).tobytes() in constants


def constants_of(graph: openvino.Model) -> set[bytes]:
    ops = [op for op in graph.get_ops() if op.get_type_name() == "Constant"]
    whole = [op.get_data() for op in ops]
    return {w.tobytes() for w in whole} | {w.astype(np.int32).tobytes() for w in whole}


def test_shards_follow_one_another(tmp_path):
    small = summed(a=values(3), b=values(3, seed=1), c=values(3, seed=2))
    document = small.document()
    (group,) = document["weightsManifest"]
    document["weightsManifest"] = [
        {"paths": ["one.bin", "sub/two.bin", "three.bin"], "weights": group["weights"][:2]},
        {"paths": ["four.bin"], "weights": group["weights"][2:]},
    ]
    (tmp_path / "sub").mkdir()
    start = 0
    for name, end in (("one.bin", 5), ("sub/two.bin", 6), ("three.bin", 24), ("four.bin", 36)):
        written(document, tmp_path, small.shard[start:end], name)
        start = end
    network = tensorflowjs.read(tmp_path / "model.json")
    ours = run(network.graph, np.zeros((1, 3), np.float32))["y:0"]
    np.testing.assert_allclose(ours[0], sum(small.weights.values()), rtol=1e-6)


def test_a_constant_may_bring_its_own_value(tmp_path):
    small = summed(a=values(3))
    small.nodes[1]["attr"]["value"]["tensor"]["floatVal"] = [1.0, 2.0, 3.0]
    small.weights.clear()
    zero = np.zeros((1, 3), np.float32)
    np.testing.assert_array_equal(answer(small, zero, tmp_path), [[1, 2, 3]])


# Outputs and what the file says


def several() -> Small:
    """Two ends, ``a_f`` being neither of them."""
    small = summed(a=values(3), b=values(3, seed=1))
    small.nodes.append(node("z", "Relu", "x1", T="DT_FLOAT"))
    return small


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        (None, {"y:0", "z:0"}),
        ({"first": {"name": "z:0"}, "second": {"name": "y"}}, ["z:0", "y:0"]),
        ({"x1:0": {}}, ["x1:0"]),
        ({"z:0": "odd"}, ["z:0"]),
        ({}, {"y:0", "z:0"}),
        ("damaged", {"y:0", "z:0"}),
    ],
)
@pytest.mark.parametrize("custom", [True, False])
def test_the_outputs_are_those_of_the_signature_or_the_ends(tmp_path, outputs, names, custom):
    small = several()
    signature = {} if outputs is None else {"signature": {"outputs": outputs}}
    small.more = {"userDefinedMetadata": signature} if custom else signature
    graph = tensorflowjs.read(written(small.document(), tmp_path, small.shard)).graph
    made = [name for output in graph.outputs for name in output.get_names() if ":" in name]
    assert len(graph.outputs) == len(names)
    assert set(names) <= set(made)
    if isinstance(names, list):
        assert [names[i] in graph.outputs[i].get_names() for i in range(len(names))]


def test_an_output_that_nothing_makes(tmp_path):
    small = several()
    small.more = {"signature": {"outputs": {"o": {"name": "elsewhere:0"}}}}
    with pytest.raises(ExportError, match="'elsewhere:0'"):
        tensorflowjs.read(written(small.document(), tmp_path, small.shard))


def test_of_the_metadata_words_are_kept(tmp_path):
    small = several()
    small.more = {"userDefinedMetadata": {"Image.NominalPixelRange": "Normalized_0_1", "n": 1}}
    network = tensorflowjs.read(written(small.document(), tmp_path, small.shard))
    assert network.metadata == {"Image.NominalPixelRange": "Normalized_0_1"}
    small.more = {"userDefinedMetadata": "odd"}
    network = tensorflowjs.read(written(small.document(), tmp_path, small.shard))
    assert network.metadata == {}


# What cannot be read


def refused(document, folder: Path, kind, *words: str, shard: bytes | None = None) -> None:
    content = several().shard if shard is None else shard
    with pytest.raises(kind) as caught:
        tensorflowjs.read(written(document, folder, content))
    assert type(caught.value) is kind
    for word in words:
        assert word in str(caught.value)


def test_a_keras_model_says_how_to_convert_it(tmp_path):
    layers = {"format": "layers-model", "modelTopology": {}, "weightsManifest": []}
    refused(layers, tmp_path, UnsupportedExportError, "tfjs_graph_model")
    older = {"modelTopology": {"model_config": {}, "keras_version": "2.1"}, "weightsManifest": []}
    refused(older, tmp_path, UnsupportedExportError, "tfjs_graph_model")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"modelTopology": 1}', "\udcff", "[" * 9999]
)
def test_what_is_no_model_json(tmp_path, content):
    path = tmp_path / "model.json"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(ExportError, match=r"not a TensorFlow\.js"):
        tensorflowjs.read(path)
    path.unlink()
    with pytest.raises(ExportError, match=r"not a TensorFlow\.js"):
        tensorflowjs.read(path)


def test_a_topology_that_is_none(tmp_path):
    document = several().document()
    document["modelTopology"] = {"node": [{"name": 3}]}
    refused(document, tmp_path, ExportError, "modelTopology is damaged")
    document["modelTopology"] = {"node": []}
    refused(document, tmp_path, ExportError, "no nodes")


def test_an_operation_that_nobody_knows(tmp_path):
    small = several()
    small.nodes.append(node("odd", "NoSuchOperation", "x0"))
    refused(small.document(), tmp_path, UnsupportedExportError, "NoSuchOperation")


def test_shards_that_are_missing_short_or_long(tmp_path):
    small = several()
    document = small.document()
    refused(document, tmp_path, ExportError, "cut short", "23 bytes", shard=small.shard[:-1])
    refused(document, tmp_path, ExportError, "another model", shard=small.shard + b"x")
    document["weightsManifest"][0]["paths"] = ["elsewhere.bin"]
    refused(document, tmp_path, ExportError, "'elsewhere.bin' are missing")
    document["weightsManifest"][0]["paths"] = ["nul\0.bin"]
    refused(document, tmp_path, ExportError, "are missing")


def test_shards_outside_of_the_folder_are_not_read(tmp_path):
    small = several()
    inside, secret = tmp_path / "inside", tmp_path / "secret.bin"
    inside.mkdir()
    secret.write_bytes(small.shard)
    (inside / "link.bin").symlink_to(secret)
    (inside / "loop.bin").symlink_to(inside / "loop.bin")
    document = small.document()
    for name in ("../secret.bin", str(secret), "link.bin", "sub/../../secret.bin"):
        document["weightsManifest"][0]["paths"] = [name]
        refused(document, inside, ExportError, "outside of the model's folder")
    document["weightsManifest"][0]["paths"] = ["loop.bin"]
    refused(document, inside, ExportError, "are missing")


def test_weights_and_graph_that_do_not_belong_together(tmp_path):
    document = several().document()
    document["modelTopology"]["node"][1]["name"] = "renamed"
    refused(document, tmp_path, ExportError, "'a' belong to no constant")
    document = several().document()
    document["modelTopology"]["node"].append(constant("more", values(3)))
    refused(document, tmp_path, ExportError, "'more' has no weights")
    document = several().document()
    document["weightsManifest"][0]["weights"][0]["shape"] = [1, 3]
    refused(document, tmp_path, ExportError, "(1, 3)", "(3,)")


def test_weights_of_other_types(tmp_path):
    for dtype, size in (("string", 12), ("complex64", 24), ("int64", 24)):
        document = several().document()
        document["weightsManifest"][0]["weights"][0]["dtype"] = dtype
        refused(document, tmp_path, UnsupportedExportError, dtype, shard=b"0" * (12 + size))
    for rule in ({"dtype": "uint4"}, {"dtype": "float32"}):
        document = several().document(a={**rule, "min": 0, "scale": 1})
        refused(document, tmp_path, UnsupportedExportError, rule["dtype"])
    document = several().document()
    document["modelTopology"]["node"][1]["attr"]["dtype"] = {"type": "DT_STRING"}
    refused(document, tmp_path, UnsupportedExportError, "'a' is of type DT_STRING")
    document["modelTopology"]["node"][1]["attr"]["dtype"] = {"type": 999}
    refused(document, tmp_path, UnsupportedExportError, "'a' is of type 999")


@pytest.mark.parametrize(
    "manifest",
    [None, 1, [1], [{}], [{"paths": []}], [{"paths": ["weights.bin"], "weights": [{}]}]]
    + [
        [{"paths": ["weights.bin"], "weights": [{"name": "a", "dtype": "float32", **more}]}]
        for more in ({"shape": None}, {"shape": [-1]}, {"shape": ["x"]}, {"shape": [float("inf")]})
    ]
    + [[{"paths": [], "weights": [{"name": "a", "dtype": [], "shape": []}]}]],
)
def test_a_damaged_manifest(tmp_path, manifest):
    document = several().document() | {"weightsManifest": manifest}
    refused(document, tmp_path, ExportError, "weightsManifest is damaged")


# Damage of every other kind


@cache
def small_text() -> tuple[str, bytes]:
    small = dense(["BiasAdd", "Relu"])
    small.more = {"signature": {"outputs": {"y": {"name": "y:0"}}}}
    return json.dumps(small.document()), small.shard


def read_or_refuse(text: bytes, shard: bytes, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(shard)
    (folder / "model.json").write_bytes(text)
    with contextlib.suppress(ExportError):
        tensorflowjs.read(folder / "model.json")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_escape_as_another_error(tmp_path_factory, data):
    text, shard = small_text()
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    left = data.draw(st.one_of(st.just(len(shard)), st.integers(0, len(shard))))
    read_or_refuse(bytes(content[:cut]), shard[:left], tmp_path_factory.mktemp("bytes"))


def places(value, path=()):
    """All places in a JSON document."""
    yield path
    items = list(enumerate(value)) if isinstance(value, list) else []
    for key, inner in value.items() if isinstance(value, dict) else items:
        yield from places(inner, (*path, key))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_structure_never_escapes_as_another_error(tmp_path_factory, data):
    text, shard = small_text()
    document = copy.deepcopy(json.loads(text))
    *above, last = data.draw(st.sampled_from([p for p in places(document) if p]))
    holder = document
    for key in above:
        holder = holder[key]
    scalar = st.one_of(st.none(), st.booleans(), st.integers(-(2**65), 2**65), st.text(max_size=5))
    holder[last] = data.draw(
        st.one_of(scalar, st.lists(scalar, max_size=2), st.just({}), st.floats())
    )
    read_or_refuse(json.dumps(document).encode(), shard, tmp_path_factory.mktemp("structure"))
