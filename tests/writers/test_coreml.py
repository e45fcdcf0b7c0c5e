# SPDX-License-Identifier: Apache-2.0
"""coremltools accepts what is written as Core ML, and it is the same network when read again."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from openvino import opset13 as ops

from graphs.networks import networks
from trunkline.contracts import InputContract, Preset
from trunkline.errors import MissingExtraError, UnsupportedExportError
from trunkline.exports.reading import read_one
from trunkline.writers.coreml import write
from trunkline.writers.package import write_export
from writers.classifiers import (
    LABELS,
    answer,
    assert_same,
    drawn,
    identities,
    mobile,
    model_of,
    pixels,
    read,
)

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.models import Model


@pytest.fixture(scope="module")
def coremltools() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import coremltools
    return coremltools


def spec_of(model: Model, folder: Path, coremltools: Any, **options: bool) -> Any:
    """Write a model, and return it as coremltools reads and accepts it."""
    spec = coremltools.utils.load_spec(str(folder / write(model, folder, **options)))
    coremltools.models.MLModel(spec, skip_model_load=True)
    return spec


def test_it_is_described_as_the_real_ones_are(tmp_path: Path, coremltools: Any) -> None:
    spec = spec_of(mobile(plain=True), tmp_path, coremltools)
    assert spec.specificationVersion == 1
    (taken,), (probabilities, best) = spec.description.input, spec.description.output
    image = taken.type.imageType
    assert (taken.name, image.width, image.height) == ("data", 18, 21)
    assert image.colorSpace == image.ColorSpace.Value("BGR")
    assert probabilities.name == spec.description.predictedProbabilitiesName == "loss"
    assert best.name == spec.description.predictedFeatureName == "classLabel"
    assert tuple(spec.neuralNetworkClassifier.stringClassLabels.vector) == LABELS


@given(network=networks())
@settings(deadline=None, max_examples=10)
def test_any_network_is_written_and_read_back_to_the_bit(
    network, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = drawn(network)
    written = write_export(model, tmp_path_factory.mktemp("coreml") / "it", "CoreML")
    again = read(written)
    assert_same(model, again)
    picture = pixels(model)
    assert np.array_equal(answer(model, picture), answer(again, picture))


@pytest.mark.parametrize("name", ["fruit-2", "desk-earlier-coreml", "cat-dog-onnx-opset7"])
def test_a_real_export_is_the_same(shared: Path, tmp_path: Path, name: str) -> None:
    model = read_one(shared / "models" / name, name)
    assert_same(model, read(write_export(model, tmp_path / "it", "CoreML")))


def test_the_first_mean_is_preprocessing(shared: Path, tmp_path: Path, coremltools: Any) -> None:
    model = read_one(shared / "models" / "fruit-7-coreml", "fruit")
    scaler = spec_of(model, tmp_path, coremltools).neuralNetworkClassifier.preprocessing[0].scaler
    assert (scaler.blueBias, scaler.greenBias, scaler.redBias) == (-104, -117, -123)
    assert scaler.channelScale == 1


def test_a_mobile_network_without_bounds_is_the_same(tmp_path: Path) -> None:
    model = mobile(plain=True)
    assert_same(model, read(write_export(model, tmp_path / "it", "CoreML")))


def test_two_heads_on_one_trunk_share_it(tmp_path: Path) -> None:
    models = [mobile(seed=seed, plain=True) for seed in (1, 2)]
    paths = [write_export(m, tmp_path / str(i), "CoreML") for i, m in enumerate(models)]
    first, second = (set(identities(read(path)).values()) for path in paths)
    assert len(first - second) == len(second - first) == 4


def test_bounds_need_specification_4(tmp_path: Path, coremltools: Any) -> None:
    spec = spec_of(mobile(), tmp_path, coremltools)
    assert spec.specificationVersion == 4
    clips = [
        layer.clip
        for layer in spec.neuralNetworkClassifier.layers
        if layer.WhichOneof("layer") == "clip"
    ]
    assert [(clip.minVal, clip.maxVal) for clip in clips] == [(0, 6)] * 2


def test_slices_and_moved_axes(shared: Path, tmp_path: Path, coremltools: Any) -> None:
    """ShuffleNetV2 halves its channels, and shuffles them by two reshapes and a transposition."""
    model = read_one(shared / "models" / "apple-orange-container-2025", "apple")
    spec = spec_of(model, tmp_path, coremltools)
    layers = spec.neuralNetworkClassifier.layers
    slices = [layer.slice for layer in layers if layer.WhichOneof("layer") == "slice"]
    halves = {(each.startIndex, each.endIndex, each.stride, each.axis) for each in slices}
    assert halves == {
        (start, stop, 1, 0) for n in (58, 116, 232) for start, stop in ((0, n), (n, 2 * n))
    }


def test_float16_halves_the_file_and_keeps_the_answers(tmp_path: Path, coremltools: Any) -> None:
    model = mobile(plain=True)
    spec = spec_of(model, tmp_path, coremltools, float16=True)
    assert spec.specificationVersion == 2
    half = read(write_export(model, tmp_path / "half", "CoreML", "CoreMLFloat16"))
    picture = pixels(model)
    assert 0 < np.abs(answer(model, picture) - answer(half, picture)).max() < 5e-3


def function_model(function) -> Model:
    taken = ops.parameter([1, 4, 4, 3], openvino.Type.f32)
    value = function(ops.transpose(taken, np.array([0, 3, 1, 2])))
    mean = ops.reduce_mean(value, np.array([2, 3]), keep_dims=False)
    graph = openvino.Model([ops.softmax(mean, 1).output(0)], [taken], "function")
    return model_of(graph, InputContract(4, 4, Preset.SAMPLE_STRETCH))


def pooled(picture, dilation: int = 1) -> openvino.Output:
    return ops.max_pool(picture, [1, 1], [dilation] * 2, [0, 0], [0, 0], [2, 2]).output(0)


PER_CHANNEL = np.array([0.1, 0.2, 0.3], np.float32).reshape(1, 3, 1, 1)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.multiply(x, PER_CHANNEL),
        lambda x: ops.softplus(ops.multiply(x, np.float32(0.01))),
        lambda x: ops.tanh(ops.multiply(x, np.float32(0.01))),
        lambda x: ops.reduce_max(pooled(x), np.array([2, 3]), keep_dims=True),
        lambda x: ops.pad(x, [0, 0, 0, 2], [0, 0, 1, 0], "constant", np.float32(0.5)),
        lambda x: ops.reshape(ops.reshape(x, [1, 48], False), [1, 2, 4, 6], False),
    ],
)
def test_functions_are_read_back_to_the_bit(tmp_path: Path, function) -> None:
    model = function_model(function)
    model = replace(model, labels=LABELS[: answer(model, pixels(model)).size])
    again = read(write_export(model, tmp_path / "it", "CoreML"))
    assert_same(model, again)


@pytest.mark.parametrize(
    "function",
    [
        ops.hswish,
        ops.hsigmoid,
        ops.swish,
        lambda x: ops.elu(x, 0.4),
        lambda x: ops.prelu(x, PER_CHANNEL),
    ],
)
def test_some_functions_differ_only_in_how_they_are_written(tmp_path: Path, function) -> None:
    shifted = np.full((1, 3, 1, 1), -99, np.float32)
    model = function_model(lambda x: function(ops.multiply(ops.add(x, shifted), np.float32(0.02))))
    again = read(write_export(model, tmp_path / "it", "CoreML"))
    picture = pixels(model)
    assert np.allclose(answer(model, picture), answer(again, picture), atol=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        ops.exp,
        lambda x: ops.add(x, np.ones((1, 1, 4, 1), np.float32)),
        lambda x: ops.subtract(np.float32(1), x),
        lambda x: ops.prelu(x, np.ones((1, 1, 4, 4), np.float32)),
        lambda x: ops.swish(x, np.float32(1.7)),
        lambda x: ops.softmax(x, 2),
        lambda x: ops.concat([x, x], 2),
        lambda x: pooled(x, 2),
        lambda x: ops.pad(x, [0, 1, 0, 0], [0, 0, 0, 0], "constant", np.float32(0.5)),
        lambda x: ops.reduce_mean(x, np.array([1]), keep_dims=True),
        lambda x: ops.matmul(x, ops.tanh(x), transpose_a=False, transpose_b=False),
        lambda x: ops.reshape(ops.tanh(ops.reshape(x, [2, 4, 6], False)), [1, 3, 4, 4], False),
    ],
)
def test_what_it_cannot_say_is_refused(tmp_path: Path, function) -> None:
    with pytest.raises(UnsupportedExportError, match="cannot be said in Core ML"):
        write(function_model(function), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_coremltools_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"coremltools.*trunkline\[export\]"):
        write(mobile(), tmp_path)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    written = [(tmp_path / write(mobile(), tmp_path)).read_bytes() for _ in range(2)]
    assert written[0] == written[1]
    assert "trunkline_coremltools_proto" in sys.modules
