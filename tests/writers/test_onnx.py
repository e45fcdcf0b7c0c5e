# SPDX-License-Identifier: Apache-2.0
"""What is written as ONNX runs in ONNX Runtime, and is the same network when read again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import openvino
import pytest
from hypothesis import given, settings
from openvino import opset13 as ops

import builders
import references
from graphs.networks import networks
from trunkline.contracts import InputContract, Preset
from trunkline.decoding import ClassificationDecoder
from trunkline.errors import UnsupportedExportError
from trunkline.exports.reading import read_one
from trunkline.writers.onnx import write
from trunkline.writers.package import write_export
from writers.classifiers import (
    Array,
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


def run(path: Path, picture: Array) -> Array:
    (values,) = references.onnxruntime(path, np.ascontiguousarray(picture.transpose(0, 3, 1, 2)))
    return values


@given(network=networks())
@settings(deadline=None, max_examples=15)
def test_any_network_is_written_and_read_back_to_the_bit(
    network, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = drawn(network)
    folder = write_export(model, tmp_path_factory.mktemp("onnx") / "it", "ONNX")
    assert_same(model, read(folder))
    picture = pixels(model)
    assert np.allclose(run(folder / "model.onnx", picture), answer(model, picture), atol=1e-4)


def test_a_mobile_network_is_the_same(tmp_path: Path) -> None:
    model = mobile()
    folder = write_export(model, tmp_path / "it", "onnx")
    assert_same(model, read(folder))
    picture = pixels(model)
    assert np.abs(run(folder / "model.onnx", picture) - answer(model, picture)).max() < 1e-5


@pytest.mark.parametrize(
    "name", ["fruit-2", "fruit-7-no-mean", "cat-dog-onnx-opset7", "desk-earlier-coreml"]
)
def test_a_real_export_shares_all_but_nothing_with_what_is_written_of_it(
    shared: Path, tmp_path: Path, name: str
) -> None:
    model = read_one(shared / "models" / name, name)
    folder = write_export(model, tmp_path / "it", "ONNX")
    assert_same(model, read(folder))
    picture = pixels(model)
    found = run(folder / "model.onnx", picture)
    assert np.abs(found - answer(model, picture)).max() < 1e-4


def test_names_metadata_and_open_batch(tmp_path: Path) -> None:
    written = onnx.load(tmp_path / write(mobile(), tmp_path))
    onnx.checker.check_model(written, full_check=True)
    (taken,), (given_,) = written.graph.input, written.graph.output
    assert (taken.name, given_.name) == ("data", "model_outputs")
    assert [d.dim_param or d.dim_value for d in taken.type.tensor_type.shape.dim] == [
        "None", 3, 21, 18
    ]  # fmt: skip
    assert {prop.key: prop.value for prop in written.metadata_props} == {
        "Image.BitmapPixelFormat": "Bgr8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "NominalRange_0_255",
    }
    assert [opset.version for opset in written.opset_import] == [14]


def test_several_pictures_at_once_are_answered_each_on_its_own(tmp_path: Path) -> None:
    model = mobile()
    path = tmp_path / write(model, tmp_path)
    pictures = [pixels(model, seed) for seed in range(3)]
    together = run(path, np.concatenate(pictures))
    alone = np.concatenate([run(path, picture) for picture in pictures])
    assert np.abs(together - alone).max() < 1e-6
    assert np.abs(alone[0] - alone[1]).max() > 1e-3


def test_an_operation_over_pictures_closes_the_batch(tmp_path: Path) -> None:
    taken = ops.parameter([1, 4, 4, 3], openvino.Type.f32)
    mean = ops.reduce_mean(taken, np.array([1, 2]), keep_dims=False)
    doubled = ops.reduce_max(ops.concat([mean, ops.sqrt(mean)], 0), np.array([0]), keep_dims=True)
    graph = openvino.Model([ops.softmax(doubled, 1).output(0)], [taken], "over pictures")
    model = model_of(graph, InputContract(4, 4, Preset.SAMPLE_STRETCH))
    path = tmp_path / write(model, tmp_path)
    shape = onnx.load(path).graph.input[0].type.tensor_type.shape
    assert shape.dim[0].dim_value == 1
    picture = pixels(model)
    assert np.allclose(run(path, picture), answer(model, picture), atol=1e-6)


def function_model(function, **changes) -> Model:
    """Return a model with one function of the mean colour, in the range of -2 to 2."""
    taken = ops.parameter([1, 4, 4, 3], openvino.Type.f32)
    channels = ops.transpose(taken, np.array([0, 3, 1, 2]))
    value = function(ops.add(ops.multiply(channels, np.float32(4 / 255)), np.float32(-2)))
    mean = ops.reduce_mean(value, np.array([2, 3]), keep_dims=False)
    graph = openvino.Model([ops.softmax(mean, 1).output(0)], [taken], "function")
    contract = InputContract(4, 4, Preset.SAMPLE_STRETCH)
    return model_of(graph, contract, **changes)


FUNCTIONS = {
    "abs": ops.abs,
    "divide": lambda x: ops.divide(x, ops.add(ops.abs(x), np.float32(1))),
    "elu": lambda x: ops.elu(x, 0.4),
    "exp": ops.exp,
    "hsigmoid": ops.hsigmoid,
    "hswish": ops.hswish,
    "maximum": lambda x: ops.maximum(x, ops.sqrt(ops.abs(x))),
    "minimum": lambda x: ops.minimum(x, ops.tanh(x)),
    "pad": lambda x: ops.pad(x, [0, 1, 0, 2], [0, 0, 1, 0], "constant", np.float32(0.5)),
    "power": lambda x: ops.power(ops.abs(x), np.float32(1.5)),
    "prelu": lambda x: ops.prelu(x, np.array([0.3], np.float32)),
    "product": lambda x: ops.matmul(x, ops.tanh(x), transpose_a=True, transpose_b=True),
    "reduce-max": lambda x: ops.add(x, ops.reduce_max(x, np.array([2, 3]), keep_dims=True)),
    "reduce-sum": lambda x: ops.add(x, ops.reduce_sum(x, np.array([3]), keep_dims=True)),
    "sigmoid": ops.sigmoid,
    "slice": lambda x: ops.add(
        ops.slice(x, [0, 1], [3, 3], [1, 1], [2, 3]), ops.slice(x, [1, 0], [4, 2], [1, 1], [2, 3])
    ),
    "softplus": ops.softplus,
    "subtract": lambda x: ops.subtract(ops.tanh(x), x),
    "swish": ops.swish,
    "swish-beta": lambda x: ops.swish(x, np.float32(1.7)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_written(tmp_path: Path, name: str) -> None:
    model = function_model(FUNCTIONS[name])
    path = tmp_path / write(model, tmp_path)
    for seed in range(2):
        picture = pixels(model, seed)
        assert np.allclose(run(path, picture), answer(model, picture), atol=1e-5)


@pytest.mark.parametrize("order", ["BGR", "RGB"])
def test_what_the_contract_asks_becomes_part_of_the_graph(tmp_path: Path, order) -> None:
    model = mobile()
    asked = replace(
        model.contract, order=order, maximum=1.0, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)
    )
    model = replace(model, contract=asked)
    path = write_export(model, tmp_path / "it", "ONNX") / "model.onnx"
    picture = pixels(model)
    assert np.abs(run(path, picture) - answer(model, picture)).max() < 1e-4
    taken = read(path.parent).contract
    assert (taken.maximum, taken.mean, taken.std) == (255, (0.0,) * 3, (1.0,) * 3)
    assert taken.order == order
    # Where the channels are does not matter to what is added to each: nothing is moved back.
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert "Transpose" not in kinds


def test_a_picture_whose_channels_are_wanted_last_is_turned(tmp_path: Path) -> None:
    taken = ops.parameter([1, 4, 5, 3], openvino.Type.f32)
    rows = ops.softmax(ops.multiply(taken, np.float32(1 / 50)), 2)  # over columns
    mean = ops.reduce_mean(rows, np.array([1, 2]), keep_dims=False)
    twice = ops.add(mean, ops.reduce_max(ops.multiply(rows, taken), np.array([1, 2]), False))
    graph = openvino.Model([ops.softmax(twice, 1).output(0)], [taken], "columns")
    model = model_of(graph, InputContract(4, 5, Preset.SAMPLE_STRETCH))
    path = tmp_path / write(model, tmp_path)
    picture = pixels(model)
    assert np.allclose(run(path, picture), answer(model, picture), atol=1e-5)


def test_float16_halves_the_file_and_keeps_the_answers(shared: Path, tmp_path: Path) -> None:
    model = read_one(shared / "models" / "soda-softmax", "soda")
    full = write_export(model, tmp_path / "full", "ONNX") / "model.onnx"
    half = write_export(model, tmp_path / "half", "ONNX", "OnnxFloat16") / "model.onnx"
    assert half.stat().st_size < 0.52 * full.stat().st_size
    picture = pixels(model)
    assert np.abs(run(half, picture) - run(full, picture)).max() < 5e-3


def test_weights_too_large_for_float16_stay_as_they_are(tmp_path: Path) -> None:
    large = np.array([[1e6, -1e6, 2e5, 0.1]] * 4, np.float32)
    model = function_model(lambda x: ops.multiply(ops.add(x, large), np.float32(1e-6)))
    path = tmp_path / write(model, tmp_path, float16=True)
    picture = pixels(model)
    assert np.array_equal(run(path, picture), answer(model, picture))


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        mobile(seed=3)  # moves OpenVINO's numbers on, by which it names operations
        written.append((tmp_path / write(mobile(), tmp_path)).read_bytes())
    assert written[0] == written[1]


def test_two_heads_on_one_trunk_share_it(tmp_path: Path) -> None:
    paths = [write_export(mobile(seed=s), tmp_path / str(s), "ONNX") for s in (1, 2)]
    first, second = (set(identities(read(path)).values()) for path in paths)
    # The head's weights, its product, sum and softmax are its own.
    assert len(first - second) == len(second - first) == 4


def test_a_detector_is_refused(tmp_path: Path) -> None:
    model = read_one(builders.boxes_detector(tmp_path / "boxes"), "boxes")
    with pytest.raises(UnsupportedExportError, match="detector"):
        write(model, tmp_path)


def test_logits_are_decoded_as_they_were(tmp_path: Path) -> None:
    model = function_model(ops.relu, decoder=ClassificationDecoder("multiclass", "softmax"))
    again = read(write_export(model, tmp_path / "it", "ONNX"))
    assert again.decoder == model.decoder
