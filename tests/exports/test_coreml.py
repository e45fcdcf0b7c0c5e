# SPDX-License-Identifier: Apache-2.0
"""Core ML models, read and run, against TensorFlow and plain NumPy.

Core ML itself predicts on macOS only, so no answer here comes from it: the real exports are
compared with the TensorFlow graphs of the same trunk, each layer with its published formula.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import coreml

if TYPE_CHECKING:
    from pathlib import Path

quick = settings(max_examples=40, deadline=None)
DESK, FRUIT = "desk-earlier-coreml/model.mlmodel", "fruit-7-coreml/model.mlmodel"


@functools.cache
def coremltools():
    logging.disable(logging.WARNING)  # it says at import that this is not macOS
    try:
        import coremltools
    finally:
        logging.disable(logging.NOTSET)
    return coremltools


def builder(shape=(3, 8, 9), outputs=("out",), mode=None):
    """An empty network that takes ``data`` of a shape and gives ``out``."""
    from_shape = coremltools().models.datatypes.Array(*shape)
    return coremltools().models.neural_network.NeuralNetworkBuilder(
        [("data", from_shape)], [(name, None) for name in outputs], mode=mode
    )


def written(spec, folder: Path) -> Path:
    path = folder / "model.mlmodel"
    path.write_bytes(spec.SerializeToString())
    return path


def run(graph: openvino.Model, *inputs: np.ndarray) -> list[np.ndarray]:
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [np.array(value) for value in compiled(list(inputs)).values()]


def answer(network_builder, picture: np.ndarray, folder: Path) -> np.ndarray:
    network = coreml.read(written(network_builder.spec, folder))
    (output,) = run(network.graph, picture)
    return output


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    coremltools()  # it raises the recursion limit, which hypothesis must not see happen
    return tmp_path_factory.mktemp("coreml")


# The real exports


def frozen(path: Path, output: str):
    """A frozen TensorFlow graph as a function of one NHWC batch."""
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    pruned = whole.prune("Placeholder:0", output)
    return lambda batch: pruned(tf.constant(batch)).numpy()


def pictures(shared: Path) -> list[np.ndarray]:
    """Seeded tensors and real pictures: float32 (1, 227, 227, 3), BGR, 0 to 255."""
    seeded = [
        np.random.default_rng(seed).uniform(0, 255, (1, 227, 227, 3)).astype(np.float32)
        for seed in range(2)
    ]
    files = [shared / "pictures" / "fruit" / name for name in ("apple2.jpg", "banana1.jpg")]
    real = [
        np.asarray(Image.open(file).convert("RGB").resize((227, 227)), np.float32)[None, ..., ::-1]
        for file in files
    ]
    return seeded + real


def nchw(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture.transpose(0, 3, 1, 2))


def test_an_export_answers_as_its_tensorflow_export_does(shared):
    network = coreml.read(shared / "models" / DESK)
    tensorflow = frozen(shared / "models" / "desk-earlier-pb" / "model.pb", "loss:0")
    for picture in pictures(shared):
        (ours,) = run(network.graph, nchw(picture))
        np.testing.assert_allclose(ours, tensorflow(picture), rtol=0, atol=1e-5)


def test_a_mean_in_the_preprocessing_is_part_of_the_graph(shared):
    # No other export of this iteration is known. Its trunk is that of fruit-7-no-mean, so the
    # trunk's features come from TensorFlow, and its own dense layer is applied to them here.
    network = coreml.read(shared / "models" / FRUIT)
    spec = coremltools().proto.Model_pb2.Model.FromString((shared / "models" / FRUIT).read_bytes())
    dense = next(x for x in spec.neuralNetworkClassifier.layers if x.name == "fc").innerProduct
    weights = np.array(dense.weights.floatValue, np.float64).reshape(7, 512)
    features = frozen(shared / "models" / "fruit-7-no-mean" / "model.pb", "fc/Reshape:0")
    for picture in pictures(shared):
        without_mean = picture - np.float32([104, 117, 123])
        logits = features(without_mean) @ weights.T + np.array(dense.bias.floatValue)
        (ours,) = run(network.graph, nchw(picture))
        np.testing.assert_allclose(ours, 1 / (1 + np.exp(-logits)), rtol=0, atol=1e-5)


def test_what_a_real_file_says_about_itself(shared):
    network = coreml.read(shared / "models" / FRUIT)
    assert network.format == "Core ML"
    labels = ["apple", "banana", "coconut", "orange", "passionfruit", "pineapple", "strawberry"]
    assert list(network.labels) == labels
    assert network.metadata == {
        "Image.BitmapPixelFormat": "Bgr8",
        "Image.NominalPixelRange": "NominalRange_0_255",
    }
    assert network.notes == ()
    (given_,), (made,) = network.graph.inputs, network.graph.outputs
    assert given_.get_names() == {"data"}
    assert str(given_.get_partial_shape()) == "[?,3,227,227]"
    assert made.get_names() == {"loss"}
    assert str(made.get_partial_shape()) == "[?,7]"


def test_a_batch_is_answered_as_its_pictures_are(shared):
    network = coreml.read(shared / "models" / DESK)
    batch = nchw(np.concatenate(pictures(shared)[:3]))
    (together,) = run(network.graph, batch)
    alone = [run(network.graph, batch[i : i + 1])[0] for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=0, atol=1e-6)


def test_the_weights_keep_their_bits(shared):
    network = coreml.read(shared / "models" / DESK)
    held = {
        op.get_data().tobytes()
        for op in network.graph.get_ops()
        if op.get_type_name() == "Constant" and op.get_element_type() == openvino.Type.f32
    }
    spec = coremltools().proto.Model_pb2.Model.FromString((shared / "models" / DESK).read_bytes())
    stored = set()
    for layer in spec.neuralNetworkClassifier.layers:
        params = getattr(layer, layer.WhichOneof("layer"))
        for name in ("weights", "bias", "gamma", "beta", "mean", "variance"):
            if hasattr(params, name):
                stored.add(np.array(getattr(params, name).floatValue, np.float32).tobytes())
    assert len(stored) > 50
    assert stored <= held


# Windows, with their formulas written out


def convolved(picture, weights, bias, step, dilation, groups, borders):
    """Convolution as a sum over windows, channel group by channel group."""
    (top, bottom), (left, right) = borders
    padded = np.pad(picture, ((0, 0), (0, 0), (top, bottom), (left, right)))
    out_channels, in_channels, rows, columns = weights.shape
    height = (padded.shape[2] - (rows - 1) * dilation[0] - 1) // step[0] + 1
    width = (padded.shape[3] - (columns - 1) * dilation[1] - 1) // step[1] + 1
    out = np.zeros((len(picture), out_channels, height, width), np.float64)
    for o, y, x in itertools.product(range(out_channels), range(height), range(width)):
        first = o // (out_channels // groups) * in_channels
        window = padded[
            :,
            first : first + in_channels,
            y * step[0] : y * step[0] + (rows - 1) * dilation[0] + 1 : dilation[0],
            x * step[1] : x * step[1] + (columns - 1) * dilation[1] + 1 : dilation[1],
        ]
        out[:, o, y, x] = (window * weights[o]).sum(axis=(1, 2, 3)) + bias[o]
    return out


def same_borders(size, extent, step, *, heavy_first):
    total = max(0, (-(-size // step) - 1) * step + extent - size)
    pair = total // 2, total - total // 2
    return pair[::-1] if heavy_first else pair


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@quick
@given(
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    kernel=pairs,
    step=pairs,
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 2, 4]),
    border=st.one_of(
        st.sampled_from(["BOTTOM_RIGHT_HEAVY", "TOP_LEFT_HEAVY"]),
        st.tuples(*[st.integers(0, 2)] * 4),
    ),
    has_bias=st.booleans(),
)
def test_convolution(folder, size, kernel, step, dilation, groups, border, has_bias):
    picture = values(1, 4, *size)
    weights = values(8, 4 // groups, *kernel, seed=1)
    bias = values(8, seed=2) if has_bias else np.zeros(8, np.float32)
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    if isinstance(border, str):
        heavy_first = border == "TOP_LEFT_HEAVY"
        borders = [
            same_borders(*sizes, heavy_first=heavy_first)
            for sizes in zip(size, extents, step, strict=True)
        ]
        how = {"border_mode": "same", "same_padding_asymmetry_mode": border}
    else:
        borders = [border[:2], border[2:]]
        sides = ("padding_top", "padding_bottom", "padding_left", "padding_right")
        how = {"border_mode": "valid"} | dict(zip(sides, border, strict=True))
    net = builder((4, *size))
    net.add_convolution(
        "c", 4 // groups, 8, *kernel, *step, groups=groups, W=weights.transpose(2, 3, 1, 0),
        b=bias, has_bias=has_bias, output_name="out", input_name="data",
        dilation_factors=list(dilation), **how,
    )  # fmt: skip
    expected = convolved(picture, weights, bias, step, dilation, groups, borders)
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-4, atol=1e-4)


def caffe_windows(size: int, kernel: int, step: int, border: int, *, decrement: bool) -> int:
    windows = int(np.ceil((size + 2 * border - kernel) / step)) + 1
    return windows - 1 if decrement and (windows - 1) * step >= size + border else windows


def pooled(picture, kernel, step, borders, counts, *, maximum, exclude, last_border=None):
    """Pooling window by window.

    ``borders`` are those before rows and columns, ``counts`` the numbers of windows. Where
    ``last_border`` is given, an average's divisor ends there, as in Caffe's pooling layer.
    """
    batch, channels, *size = picture.shape
    out = np.zeros((batch, channels, *counts))
    for y, x in np.ndindex(*counts):
        spans, area = [], 1
        for axis, index in enumerate((y, x)):
            start = index * step[axis] - borders[axis]
            end = start + kernel[axis]
            if last_border is not None:
                end = min(end, size[axis] + last_border[axis])
            area *= end - start
            spans.append(slice(max(start, 0), min(end, size[axis])))
        window = picture[:, :, spans[0], spans[1]].astype(np.float64)
        if maximum:
            out[:, :, y, x] = window.max(axis=(2, 3))
        else:
            divisor = window.shape[2] * window.shape[3] if exclude else area
            out[:, :, y, x] = window.sum(axis=(2, 3)) / divisor
    return out


@quick
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    step=pairs,
    border=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    maximum=st.booleans(),
    exclude=st.booleans(),
)
def test_pooling_that_includes_the_last_pixel(folder, size, kernel, step, border, maximum, exclude):
    axes = list(zip(size, kernel, step, border, strict=True))
    counts = [caffe_windows(*axis, decrement=any(border)) for axis in axes]
    empty = any(
        n < 1 or b >= k or (n - 1) * s >= i + b
        for n, (i, k, s, b) in zip(counts, axes, strict=True)
    )
    net = builder((2, *size))
    net.add_pooling(
        "p", *kernel, *step, "MAX" if maximum else "AVERAGE", "INCLUDE_LAST_PIXEL", "data", "out",
        exclude_pad_area=exclude, padding_top=border[0], padding_bottom=border[0],
        padding_left=border[1], padding_right=border[1],
    )  # fmt: skip
    picture = values(1, 2, *size)
    if empty:
        with pytest.raises(ExportError, match="holds nothing of the picture"):
            answer(net, picture, folder)
        return
    expected = pooled(
        picture, kernel, step, border, counts, maximum=maximum, exclude=exclude, last_border=border
    )
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-5, atol=1e-5)


@quick
@given(
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    step=pairs,
    same=st.booleans(),
    border=st.tuples(*[st.integers(0, 2)] * 4),
    maximum=st.booleans(),
    exclude=st.booleans(),
)
def test_pooling_within_borders(folder, size, kernel, step, same, border, maximum, exclude):
    assume(all(side < kernel[i // 2] for i, side in enumerate(border)))
    if same:
        edges = [
            same_borders(*axis, heavy_first=False) for axis in zip(size, kernel, step, strict=True)
        ]
        counts = [-(-n // s) for n, s in zip(size, step, strict=True)]
    else:
        edges = [border[:2], border[2:]]
        counts = [
            (n + sum(edge) - k) // s + 1
            for n, edge, k, s in zip(size, edges, kernel, step, strict=True)
        ]
    net = builder((2, *size))
    sides = ("padding_top", "padding_bottom", "padding_left", "padding_right")
    net.add_pooling(
        "p", *kernel, *step, "MAX" if maximum else "AVERAGE", "SAME" if same else "VALID", "data",
        "out", exclude_pad_area=exclude, **dict(zip(sides, border, strict=True)),
    )  # fmt: skip
    picture = values(1, 2, *size)
    before = [edge[0] for edge in edges]
    expected = pooled(picture, kernel, step, before, counts, maximum=maximum, exclude=exclude)
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "reduce"), [("MAX", np.max), ("AVERAGE", np.mean)])
def test_global_pooling(folder, kind, reduce):
    net = builder()
    net.add_pooling("p", 0, 0, 1, 1, kind, "VALID", "data", "out", is_global=True)
    picture = values(1, 3, 8, 9)
    expected = reduce(picture, axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["constant", "reflection", "replication"])
def test_padding(folder, kind):
    net = builder()
    net.add_padding("p", 1, 2, 3, 0, 0.5, "data", "out", kind)
    picture = values(1, 3, 8, 9)
    mode = {"constant": "constant", "reflection": "reflect", "replication": "edge"}[kind]
    filled = {"constant_values": 0.5} if kind == "constant" else {}
    expected = np.pad(picture, ((0, 0), (0, 0), (3, 0), (1, 2)), mode, **filled)
    np.testing.assert_array_equal(answer(net, picture, folder), expected)


def test_upsampling_repeats_pixels(folder):
    net = builder()
    net.add_upsample("u", 2, 3, "data", "out", "NN")
    picture = values(1, 3, 8, 9)
    expected = picture.repeat(2, axis=2).repeat(3, axis=3)
    np.testing.assert_array_equal(answer(net, picture, folder), expected)


# Layers that work on values


ACTIVATIONS = {
    "RELU": (None, lambda x: np.maximum(x, 0)),
    "LEAKYRELU": ([0.1], lambda x: np.where(x >= 0, x, 0.1 * x)),
    "THRESHOLDEDRELU": (0.3, lambda x: np.where(x >= np.float32(0.3), x, 0)),
    "PRELU": (
        np.float32([0.1, -0.2, 0.3]),
        lambda x: np.where(x >= 0, x, np.float32([0.1, -0.2, 0.3]).reshape(3, 1, 1) * x),
    ),
    "TANH": (None, np.tanh),
    "SCALED_TANH": ([1.7, 0.6], lambda x: 1.7 * np.tanh(0.6 * x)),
    "SIGMOID": (None, lambda x: 1 / (1 + np.exp(-x))),
    "SIGMOID_HARD": ([0.4, 0.6], lambda x: np.clip(0.4 * x + 0.6, 0, 1)),
    "ELU": (0.7, lambda x: np.where(x >= 0, x, 0.7 * np.expm1(x))),
    "SOFTSIGN": (None, lambda x: x / (1 + np.abs(x))),
    "SOFTPLUS": (None, lambda x: np.log1p(np.exp(x))),
    "LINEAR": ([-1.5, 0.25], lambda x: -1.5 * x + 0.25),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation(folder, kind):
    params, formula = ACTIVATIONS[kind]
    net = builder()
    net.add_activation("a", kind, "data", "out", params)
    picture = values(1, 3, 8, 9)
    expected = formula(picture.astype(np.float64))
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-4, atol=1e-5)


def test_one_slope_serves_all_channels(folder):
    net = builder()
    net.add_activation("a", "PRELU", "data", "out", np.float32([0.25]))
    picture = values(1, 3, 8, 9)
    expected = np.where(picture >= 0, picture, picture * 0.25)
    np.testing.assert_array_equal(answer(net, picture, folder), expected)


@pytest.mark.parametrize("epsilon", [0.0, 1e-3])
def test_batch_normalisation(folder, epsilon):
    gamma, beta, mean = (values(3, seed=seed) for seed in (1, 2, 3))
    variance = np.abs(values(3, seed=4)) * 1e-3
    net = builder()
    net.add_batchnorm("b", 3, gamma, beta, mean, variance, "data", "out", epsilon=epsilon)
    picture = values(1, 3, 8, 9)
    channels = [
        value.reshape(3, 1, 1).astype(np.float64) for value in (gamma, beta, mean, variance)
    ]
    root = np.sqrt(channels[3] + (epsilon or 1e-5))
    expected = channels[0] * (picture - channels[2]) / root + channels[1]
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1,), (3,), (3, 8, 9), (1, 8, 9)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_scale(folder, shape, has_bias):
    weights, bias = values(*shape, seed=1), values(*shape, seed=2)
    net = builder()
    net.add_scale("s", weights, bias, has_bias, "data", "out", list(shape), list(shape))
    picture = values(1, 3, 8, 9)
    spread = (len(weights), 1, 1) if len(shape) == 1 else shape
    expected = picture * weights.reshape(spread) + bias.reshape(spread) * has_bias
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-5, atol=1e-6)


def test_bias(folder):
    net = builder()
    net.add_bias("b", np.float32([1, 2, 3]), "data", "out", [3])
    picture = values(1, 3, 8, 9)
    expected = picture + np.float32([1, 2, 3]).reshape(3, 1, 1)
    np.testing.assert_array_equal(answer(net, picture, folder), expected)


@pytest.mark.parametrize(("mode", "operation"), [("ADD", np.add), ("MULTIPLY", np.multiply)])
def test_elementwise(folder, mode, operation):
    picture = values(1, 3, 8, 9)
    net = builder()
    net.add_elementwise("one", "data", "x", mode, alpha=1.5)
    net.add_elementwise("several", ["data", "x", "data"], "out", mode)
    expected = operation(operation(picture, operation(picture, np.float32(1.5))), picture)
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-6)


def test_a_vector_weighs_the_channels_of_a_picture(folder):
    net = builder()
    net.add_pooling("p", 0, 0, 1, 1, "AVERAGE", "VALID", "data", "pooled", is_global=True)
    net.add_flatten("f", 0, "pooled", "vector")
    net.add_elementwise("m", ["data", "vector"], "weighed", "MULTIPLY")
    net.add_elementwise("c", ["weighed", "data"], "out", "CONCAT")
    picture = values(1, 3, 8, 9)
    weighed = picture * picture.mean(axis=(2, 3), keepdims=True)
    expected = np.concatenate([weighed, picture], axis=1)
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("flattened", [True, False])
@pytest.mark.parametrize("has_bias", [True, False])
def test_inner_product_and_softmax(folder, flattened, has_bias):
    weights, bias = values(5, 3 * 2 * 2, seed=1), values(5, seed=2)
    net = builder((3, 2, 2))
    net.add_flatten("f", 0, "data", "flat")
    net.add_inner_product(
        "i", weights, bias, 12, 5, has_bias, "flat" if flattened else "data", "logits"
    )
    net.add_softmax("s", "logits", "out")
    picture = values(2, 3, 2, 2)
    logits = picture.reshape(2, 12) @ weights.T + bias * has_bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-5)


def test_a_picture_again_after_an_inner_product(folder):
    weights, kernel = values(4, 12, seed=1), values(2, 4, 1, 1, seed=2)
    net = builder((3, 2, 2))
    net.add_inner_product("i", weights, None, 12, 4, False, "data", "x")
    net.add_convolution(
        "c", 4, 2, 1, 1, 1, 1, "valid", 1, kernel.transpose(2, 3, 1, 0), None, False,
        input_name="x", output_name="out",
    )  # fmt: skip
    picture = values(1, 3, 2, 2)
    expected = (picture.reshape(1, 12) @ weights.T @ kernel[:, :, 0, 0].T).reshape(1, 2, 1, 1)
    np.testing.assert_allclose(answer(net, picture, folder), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channel_last", [False, True])
def test_flatten(folder, channel_last):
    net = builder()
    net.add_flatten("f", int(channel_last), "data", "out")
    picture = values(2, 3, 8, 9)
    ordered = picture.transpose(0, 2, 3, 1) if channel_last else picture
    np.testing.assert_array_equal(answer(net, picture, folder), ordered.reshape(2, -1))


@pytest.mark.parametrize("target", [(6, 4, 9), (1, 6, 4, 9)])
@pytest.mark.parametrize("channel_last", [False, True])
def test_reshape(folder, target, channel_last):
    net = builder()
    net.add_reshape("r", "data", "out", target, int(channel_last))
    picture = values(2, 3, 8, 9)
    if channel_last:
        expected = picture.transpose(0, 2, 3, 1).reshape(2, 4, 9, 6).transpose(0, 3, 1, 2)
    else:
        expected = picture.reshape(2, 6, 4, 9)
    np.testing.assert_array_equal(answer(net, picture, folder), expected)


@pytest.mark.parametrize("axes", [(0, 3, 1, 2), (0, 2, 3, 1), (0, 1, 2, 3), ()])
def test_permute(folder, axes):
    net = builder()
    net.add_permute("p", axes or (0, 1, 2, 3), "data", "out")
    first_layer(net.spec).permute.axis[:] = axes
    picture = values(2, 3, 8, 9)
    expected = picture.transpose(axes or (0, 1, 2, 3))
    np.testing.assert_array_equal(answer(net, picture, folder), expected)


# Weights, inputs, outputs


def test_float16_weights_stay_float16(folder):
    net = builder((4, 5, 5))
    weights = values(2, 4, 3, 3, seed=1).astype(np.float16)
    net.add_convolution(
        "c", 4, 2, 3, 3, 1, 1, "valid", 1, np.ones((3, 3, 4, 2)), None, False,
        output_name="out", input_name="data",
    )  # fmt: skip
    stored = net.spec.neuralNetwork.layers[0].convolution.weights
    stored.ClearField("floatValue")
    stored.float16Value = weights.tobytes()
    network = coreml.read(written(net.spec, folder))
    constants = [op for op in network.graph.get_ops() if op.get_type_name() == "Constant"]
    assert [op.get_data().tobytes() for op in constants] == [weights.tobytes()]
    picture = values(1, 4, 5, 5)
    expected = convolved(
        picture, weights.astype(np.float64), [0, 0], (1, 1), (1, 1), 1, [(0, 0)] * 2
    )
    np.testing.assert_allclose(run(network.graph, picture)[0], expected, rtol=1e-4, atol=1e-5)


def classifier(colours="RGB", **preprocessing):
    """A network that gives the mean of each channel of a 4 x 4 picture as its probabilities."""
    channels = 1 if colours == "GRAYSCALE" else 3
    net = builder((channels, 4, 4), mode="classifier")
    net.add_pooling("p", 0, 0, 1, 1, "AVERAGE", "VALID", "data", "out", is_global=True)
    net.set_class_labels(["a", "b", "c"][:channels], "label", "out")
    image = net.spec.description.input[0].type.imageType
    image.width = image.height = 4
    image.colorSpace = image.ColorSpace.Value(colours)
    if preprocessing:
        scaler = net.spec.neuralNetworkClassifier.preprocessing.add(featureName="data").scaler
        for name, value in preprocessing.items():
            setattr(scaler, name, value)
    return net


@pytest.mark.parametrize(
    ("colours", "pixels", "biases"),
    [
        ("RGB", "Rgb8", ["redBias", "greenBias", "blueBias"]),
        ("BGR", "Bgr8", ["blueBias", "greenBias", "redBias"]),
        ("GRAYSCALE", "Gray8", ["grayBias"]),
    ],
)
def test_pixels_are_scaled_and_biased_in_the_order_of_their_channels(
    folder, colours, pixels, biases
):
    scaler = {"redBias": 1.0, "greenBias": 20.0, "blueBias": 300.0, "grayBias": 4000.0}
    net = classifier(colours, channelScale=0.5, **scaler)
    network = coreml.read(written(net.spec, folder))
    picture = np.random.default_rng(0).uniform(0, 255, (2, len(biases), 4, 4)).astype(np.float32)
    expected = picture.mean(axis=(2, 3)) * 0.5 + [scaler[bias] for bias in biases]
    np.testing.assert_allclose(run(network.graph, picture)[0], expected, rtol=1e-5)
    assert network.metadata["Image.BitmapPixelFormat"] == pixels


def test_preprocessing_that_changes_nothing_adds_nothing(folder):
    plain = coreml.read(written(classifier().spec, folder)).graph.get_ops()
    scaled = coreml.read(written(classifier(channelScale=1.0).spec, folder)).graph.get_ops()
    assert [op.get_type_name() for op in scaled] == [op.get_type_name() for op in plain]


def test_a_classifiers_output_is_one_row_per_picture(folder):
    network = coreml.read(written(classifier().spec, folder))
    assert str(network.graph.output("out").get_partial_shape()) == "[?,3]"
    assert network.labels == ("a", "b", "c")


@pytest.mark.parametrize("stated", ["out", "p", ""])
def test_the_probabilities_are_found_by_blob_by_layer_or_as_the_last(folder, stated):
    net = classifier()
    if stated:
        net.add_activation("after", "RELU", "out", "unused")
    net.spec.neuralNetworkClassifier.labelProbabilityLayerName = stated
    assert coreml.read(written(net.spec, folder)).graph.output(0).get_names() == {"out"}


def test_labels_may_be_numbers_or_absent(folder):
    net = classifier()
    net.spec.neuralNetworkClassifier.int64ClassLabels.vector.extend([3, -1, 7])
    assert coreml.read(written(net.spec, folder)).labels == ("3", "-1", "7")
    net.spec.neuralNetworkClassifier.ClearField("int64ClassLabels")
    assert coreml.read(written(net.spec, folder)).labels is None


def detector(size=64, classes=2):
    """The layers of a compact detector's end: leaky ReLU, pooling of step 1, a last convolution."""
    net = builder((3, size, size), ("grid",))
    net.add_convolution(
        "c1", 3, 8, 3, 3, 2, 2, "same", 1, values(3, 3, 3, 8), values(8), True,
        input_name="data", output_name="x1",
    )  # fmt: skip
    net.add_batchnorm("bn", 8, *(np.abs(values(8, seed=s)) for s in range(4)), "x1", "x2")
    net.add_activation("leaky", "LEAKYRELU", "x2", "x3", [0.1])
    net.add_pooling("p", 2, 2, 1, 1, "MAX", "SAME", "x3", "x4")
    net.add_convolution(
        "c2", 8, 5 * (5 + classes), 1, 1, 1, 1, "valid", 1, values(1, 1, 8, 5 * (5 + classes)),
        None, False, input_name="x4", output_name="grid",
    )  # fmt: skip
    return net


def test_a_detectors_grid_keeps_the_layout_of_the_file(folder):
    network = coreml.read(written(detector().spec, folder))
    assert network.labels is None
    assert network.metadata == {}
    assert str(network.graph.output("grid").get_partial_shape()) == "[?,35,32,32]"


def pipeline(*models):
    spec = coremltools().proto.Model_pb2.Model(specificationVersion=3)
    spec.pipeline.SetInParent()
    for model in models:
        spec.pipeline.models.add().CopyFrom(model)
    return spec


def suppression():
    spec = coremltools().proto.Model_pb2.Model(specificationVersion=3)
    spec.nonMaximumSuppression.iouThreshold = 0.45
    return spec


def test_of_a_detectors_pipeline_the_network_is_read(folder):
    alone = coreml.read(written(detector().spec, folder))
    network = coreml.read(written(pipeline(detector().spec, suppression()), folder))
    picture = values(1, 3, 64, 64)
    np.testing.assert_array_equal(run(network.graph, picture)[0], run(alone.graph, picture)[0])
    assert "suppression" in network.notes[0]


def test_an_array_may_be_declared_with_its_batch_axis(folder):
    net = builder()
    net.add_activation("a", "RELU", "data", "out")
    shape = net.spec.description.input[0].type.multiArrayType.shape
    shape[:] = [1, 3, 8, 9]
    network = coreml.read(written(net.spec, folder))
    assert str(network.graph.input("data").get_partial_shape()) == "[?,3,8,9]"


# What cannot be read


def first_layer(spec):
    return getattr(spec, spec.WhichOneof("Type")).layers[0]


def refused(spec, folder, kind, *words):
    with pytest.raises(kind) as caught:
        coreml.read(written(spec, folder))
    assert type(caught.value) is kind
    for word in words:
        assert word in str(caught.value)


def test_a_layer_of_another_type_is_named(folder):
    net = builder()
    net.add_lrn("norm1", "data", "out", 1, 1, 5)
    refused(net.spec, folder, UnsupportedExportError, "'norm1'", "lrn")


UNSUPPORTED = {
    "deconvolution": lambda net: net.add_convolution(
        "c", 3, 2, 3, 3, 1, 1, "valid", 1, np.ones((3, 3, 2, 3)), None, False, True,
        input_name="data", output_name="out",
    ),
    "pools by another rule": lambda net: net.add_pooling(
        "p", 2, 2, 2, 2, "L2", "VALID", "data", "out"
    ),
    "interpolates": lambda net: net.add_upsample("u", 2, 2, "data", "out", "BILINEAR"),
    "anew for every picture": lambda net: net.add_batchnorm(
        "b", 3, np.ones(3), np.ones(3), input_name="data", output_name="out",
        compute_mean_var=True, instance_normalization=True,
    ),
    "joins sequences": lambda net: net.add_elementwise(
        "c", ["data", "data"], "out", "SEQUENCE_CONCAT"
    ),
    "parametricSoftplus": lambda net: net.add_activation(
        "a", "PARAMETRICSOFTPLUS", "data", "out", [np.ones(3), np.ones(3)]
    ),
    "a sequence of values": lambda net: net.add_reshape("r", "data", "out", (2, 3, 4, 9), 0),
    "the axis of sequences": lambda net: net.add_permute("p", (1, 0, 2, 3), "data", "out"),
}  # fmt: skip


@pytest.mark.parametrize("words", UNSUPPORTED)
def test_what_a_known_layer_cannot_do_is_said(folder, words):
    net = builder()
    UNSUPPORTED[words](net)
    refused(net.spec, folder, UnsupportedExportError, words, "Export the model in another format")


def relu_network():
    net = builder()
    net.add_activation("a", "RELU", "data", "out")
    return net.spec


def test_a_layer_with_too_many_inputs(folder):
    spec = relu_network()
    first_layer(spec).input.append("data")
    refused(spec, folder, UnsupportedExportError, "takes 2 inputs")


@pytest.mark.parametrize("field", ["quantization", "rawValue", "int8RawValue"])
def test_quantised_weights(folder, field):
    net = builder()
    net.add_bias("b", np.ones(3), "data", "out", [3])
    weights = first_layer(net.spec).bias.bias
    if field == "quantization":
        weights.quantization.numberOfBits = 8
    else:
        setattr(weights, field, b"\1\2\3")
    refused(net.spec, folder, UnsupportedExportError, "quantised")


def damaged_layers():
    def spec_of(add, damage):
        net = builder()
        add(net)
        damage(first_layer(net.spec))
        return net.spec

    def bias(net):
        net.add_bias("x", np.ones(3), "data", "out", [3])

    def pool(net):
        net.add_pooling("x", 2, 2, 2, 2, "MAX", "VALID", "data", "out")

    yield "weights", spec_of(bias, lambda layer: layer.bias.bias.floatValue.pop())
    yield "shape", spec_of(bias, lambda layer: layer.bias.shape.append(1))
    yield "two", spec_of(pool, lambda layer: layer.pooling.kernelSize.append(1))
    yield "two", spec_of(pool, lambda layer: layer.pooling.valid.paddingAmounts.borderAmounts.pop())
    yield "does not fit", spec_of(pool, lambda layer: layer.pooling.kernelSize.__setitem__(0, 99))
    yield "does not fit", spec_of(pool, lambda layer: layer.pooling.stride.__setitem__(0, 1 << 63))
    yield "'elsewhere'", spec_of(pool, lambda layer: layer.input.__setitem__(0, "elsewhere"))
    yield "output", spec_of(pool, lambda layer: layer.output.pop())
    yield "there already", spec_of(pool, lambda layer: layer.output.__setitem__(0, "data"))


def test_damaged_layers_are_named(folder):
    for word, spec in damaged_layers():
        refused(spec, folder, ExportError, "'x'", word)


def test_inputs_that_are_no_picture(folder):
    vector, two = relu_network(), relu_network()
    vector.description.input[0].type.multiArrayType.shape[:] = [12]
    refused(vector, folder, UnsupportedExportError, "not a picture")
    two.description.input.add(name="more")
    refused(two, folder, UnsupportedExportError, "takes 2 inputs")
    number = relu_network()
    number.description.input[0].type.doubleType.SetInParent()
    refused(number, folder, UnsupportedExportError, "not a picture")
    half = classifier().spec
    half.description.input[0].type.imageType.colorSpace = 40
    refused(half, folder, UnsupportedExportError, "colours")
    nothing = classifier().spec
    nothing.description.input[0].type.imageType.width = 0
    refused(nothing, folder, ExportError, "impossible shape")


def test_preprocessing_that_is_not_known(folder):
    mean_image = classifier().spec
    step = mean_image.neuralNetworkClassifier.preprocessing.add()
    step.meanImage.meanImage.extend([1.0] * 48)
    refused(mean_image, folder, UnsupportedExportError, "prepares its input")
    refused(classifier(channelScale=0.0, redBias=1.0).spec, folder, UnsupportedExportError)
    of_an_array = relu_network()
    of_an_array.neuralNetwork.preprocessing.add().scaler.channelScale = 2
    refused(of_an_array, folder, UnsupportedExportError, "prepares its input")


def test_outputs_that_no_layer_makes(folder):
    spec = relu_network()
    spec.description.output[0].name = "elsewhere"
    refused(spec, folder, ExportError, "'elsewhere'")
    del spec.description.output[:]
    refused(spec, folder, ExportError, "no layer makes its output")
    classes = classifier().spec
    classes.neuralNetworkClassifier.labelProbabilityLayerName = "elsewhere"
    refused(classes, folder, ExportError, "'elsewhere'")
    classes.neuralNetworkClassifier.ClearField("labelProbabilityLayerName")
    del classes.neuralNetworkClassifier.layers[:]
    refused(classes, folder, ExportError, "probabilities")


def test_models_that_are_no_neural_network(folder, tmp_path):
    program = coremltools().proto.Model_pb2.Model(specificationVersion=6)
    program.mlProgram.SetInParent()
    refused(program, folder, UnsupportedExportError, "mlProgram")
    tree = pipeline(detector().spec, program)
    refused(tree, folder, UnsupportedExportError, "neuralNetwork, mlProgram")
    refused(pipeline(), folder, UnsupportedExportError, "pipeline")
    package = tmp_path / "model.mlpackage"
    package.mkdir()
    with pytest.raises(UnsupportedExportError, match="mlpackage"):
        coreml.read(package)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x01", b"\xff" * 64])
def test_what_is_no_core_ml_model(tmp_path, content):
    path = tmp_path / "model.mlmodel"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="not a Core ML model"):
        coreml.read(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ExportError):
        coreml.read(tmp_path / "absent.mlmodel")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_never_escapes_as_another_error(folder, data):
    content = bytearray(small_file())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "damaged.mlmodel"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(ExportError):
        coreml.read(path)


@functools.cache
def small_file() -> bytes:
    net = classifier("BGR", channelScale=0.5, redBias=1.0)
    layers = net.spec.neuralNetworkClassifier.layers
    layers[0].output[0] = "pooled"
    net.add_flatten("f", 0, "pooled", "flat")
    net.add_inner_product("i", np.ones((3, 3)), np.ones(3), 3, 3, True, "flat", "logits")
    net.add_softmax("s", "logits", "out")
    return net.spec.SerializeToString()
