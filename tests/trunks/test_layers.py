# SPDX-License-Identifier: Apache-2.0
"""Each layer is what it is said to be, against plain sums."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openvino import opset13 as ops

from trunkline.errors import ExportError
from trunkline.exports.runtime import core
from trunkline.trunks.layers import (
    Layers,
    Named,
    PictureScale,
    from_both_sides,
    mean_and_maxima,
    mean_over_picture,
    same_padding,
)
from trunks.plain_networks import Plain, relu6

HALVES = PictureScale((10.0, 20.0, 30.0), (2.0, 4.0, 8.0))


def weights_of(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]):
    weights = {}
    for name, shape in shapes.items():
        weights[f"{name}.weight"] = rng.normal(size=shape).astype("f4")
        for part in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{name}n.{part}"] = rng.uniform(0.5, 2, shape[0]).astype("f4")
    return weights


def run(make, data: np.ndarray) -> np.ndarray:
    taken = ops.parameter(list(data.shape), np.float32)
    compiled = core().compile_model(
        openvino.Model([make(taken)], [taken]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return compiled(data)[0]


@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 4))
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int) -> None:
    before, behind = same_padding(size, kernel, stride)
    windows = (size + before + behind - kernel) // stride + 1
    assert windows == -(-size // stride)
    assert behind - before in {0, 1}
    # Not one zero more than the last window reaches.
    assert before + behind in {0, (windows - 1) * stride + kernel - size}


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_convolution_and_its_norm_are_one(data: st.DataObject) -> None:
    kernel, stride = data.draw(st.sampled_from([1, 3, 5])), data.draw(st.integers(1, 2))
    rows, columns = data.draw(st.integers(5, 9)), data.draw(st.integers(5, 9))
    tensorflow, depthwise = data.draw(st.booleans()), data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = (4, 1, kernel, kernel) if depthwise else (6, 4, kernel, kernel)
    weights = weights_of(rng, {"c": shape})
    layers = Layers(weights, 0.01, same_padding if tensorflow else from_both_sides, "w.pth")
    values = rng.normal(size=(1, 4, rows, columns)).astype("f4")
    layer = layers.depthwise if depthwise else layers.convolution
    found = run(lambda taken: layer(taken, Named("c", "cn"), stride), values)
    plain = Plain(weights, 0.01, tensorflow=tensorflow).conv(values[0], "c", "cn", stride)
    np.testing.assert_allclose(found[0], plain, rtol=1e-5, atol=1e-4)


def test_a_picture_is_centred_before_it_is_padded() -> None:
    rng = np.random.default_rng(0)
    weights = weights_of(rng, {"c": (5, 3, 3, 3)})
    layers = Layers(weights, 0.01, same_padding, "w.pth")
    bgr = rng.uniform(0, 255, (1, 8, 8, 3)).astype("f4")
    found = run(lambda taken: layers.picture(taken, Named("c", "cn"), HALVES, 2), bgr)
    rgb = (bgr[0, ..., ::-1] - np.array(HALVES.mean)) / HALVES.std
    plain = Plain(weights, 0.01, tensorflow=True).conv(rgb.transpose(2, 0, 1), "c", "cn", 2)
    np.testing.assert_allclose(found[0], plain, atol=1e-3)


@pytest.mark.parametrize(("narrowed", "stride"), [(4, 1), (4, 2), (5, 1)])
@pytest.mark.parametrize("widens", [True, False])
def test_a_bottleneck_adds_what_it_took_where_it_can(
    narrowed: int, stride: int, widens: bool
) -> None:
    rng = np.random.default_rng(1)
    wide = 6 if widens else 4
    shapes = {"a": (6, 4, 1, 1), "b": (wide, 1, 3, 3), "c": (narrowed, wide, 1, 1)}
    weights = weights_of(rng, shapes)
    values = rng.normal(size=(1, 4, 6, 6)).astype("f4")
    layers = Layers(weights, 0.01, same_padding, "w.pth")
    names = [Named(name, f"{name}n") for name in "abc"][not widens :]
    found = run(lambda taken: layers.bottleneck(taken, names, stride).output, values)
    filtered = run(lambda taken: layers.bottleneck(taken, names, stride).filtered, values)
    net, data = Plain(weights, 0.01, tensorflow=True), values[0]
    if widens:
        data = relu6(net.conv(data, "a", "an", 1))
    data = relu6(net.conv(data, "b", "bn", stride))
    np.testing.assert_allclose(filtered[0], data, rtol=1e-5, atol=1e-4)
    data = net.conv(data, "c", "cn", 1)
    if (narrowed, stride) == (4, 1):
        data = data + values[0]
    np.testing.assert_allclose(found[0], data, rtol=1e-5, atol=1e-4)


def test_the_mean_is_over_rows_and_columns() -> None:
    values = np.random.default_rng(2).normal(size=(1, 5, 3, 4)).astype("f4")
    found = run(mean_over_picture, values)
    np.testing.assert_allclose(found, values.mean(axis=(2, 3)), atol=1e-6)


def test_maxima_follow_the_mean() -> None:
    values = np.random.default_rng(2).normal(size=(1, 5, 3, 4)).astype("f4")
    fine = np.random.default_rng(3).normal(size=(1, 2, 6, 8)).astype("f4")
    found = run(
        lambda taken: mean_and_maxima(taken, [ops.constant(fine), ops.negative(taken)], 0.5), values
    )
    maxima = [0.5 * each.max(axis=(2, 3)) for each in (fine, -values)]
    expected = np.concatenate([values.mean(axis=(2, 3)), *maxima], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"c.weight": None}, "it has no c.weight of 4 axes"),
        ({"c.weight": np.ones((2, 3), "f4")}, "it has no c.weight of 4 axes"),
        ({"cn.running_var": None}, "it has no cn.running_var of 1 axes"),
        ({"cn.bias": np.ones(7, "f4")}, "cn is not made for c"),
    ],
)
def test_weights_of_another_network_are_refused(change, problem: str) -> None:
    weights = weights_of(np.random.default_rng(3), {"c": (2, 3, 1, 1)}) | change
    layers = Layers(
        {name: values for name, values in weights.items() if values is not None},
        0.01,
        same_padding,
        "w.pth",
    )
    with pytest.raises(ExportError, match=rf"w\.pth: .*{problem}"):
        run(lambda taken: layers.convolution(taken, Named("c", "cn")), np.ones((1, 3, 4, 4), "f4"))
