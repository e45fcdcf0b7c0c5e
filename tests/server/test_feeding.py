# SPDX-License-Identifier: Apache-2.0
"""A tensor made ready by hand is answered as the picture that it was made from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

import builders
import trunkline
from trunkline.contracts import InputContract, Preset
from trunkline.decoding import ClassificationDecoder
from trunkline.errors import ModelNameError
from trunkline.images import to_tensor
from trunkline.models import Model
from trunkline.server.faults import BadRequestError
from trunkline.server.feeding import fed, tensor_shape

if TYPE_CHECKING:
    from trunkline.contracts import DType, Layout

PICTURE = np.random.default_rng(5).integers(0, 256, (40, 50, 3), np.uint8)


def model_of(name: str, contract: InputContract, sides: tuple[int, int] = (32, 32)) -> Model:
    """Make a model whose probabilities are the channels' means, scaled to 0 to 1."""
    kinds = {"float32": openvino.Type.f32, "float16": openvino.Type.f16, "uint8": openvino.Type.u8}
    height, width = sides
    first = contract.layout == "NCHW"
    shape = [1, 3, height, width] if first else [1, height, width, 3]
    taken = ops.parameter(shape, kinds[contract.dtype])
    axes = np.array([2, 3] if first else [1, 2])
    mean = ops.reduce_mean(ops.convert(taken, "f32"), ops.constant(axes), keep_dims=False)
    added = ops.add(mean, np.array(contract.mean, np.float32).reshape(1, 3))
    answer = ops.multiply(added, np.float32(1 / contract.maximum))
    graph = openvino.Model([answer.output(0)], [taken], name)
    decoder = ClassificationDecoder("multilabel", "none")
    labels = ("a", "b", "c")
    return Model(name, labels, "multilabel", contract, graph, decoder, "OpenVINO", name)


def contract_of(**changes: object) -> InputContract:
    return replace(InputContract(32, 32, Preset.SAMPLE_STRETCH), **changes)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("mean", [(0.0, 0.0, 0.0), (104.0, 117.0, 123.0)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_it_is_fed_as_its_export_was(layout: Layout, mean: tuple, dtype: DType) -> None:
    contract = contract_of(layout=layout, mean=mean, dtype=dtype)
    models = trunkline.ModelSet()
    models.add(model_of("one", contract), model_of("two", contract_of(order="RGB")))
    expected = models.predict(PICTURE)["one"].probabilities
    answers = fed(models, "one", to_tensor(PICTURE, contract)[0])
    assert list(answers) == ["one"]
    assert expected.max() > 0.3
    np.testing.assert_array_equal(answers["one"].probabilities, expected)


def test_pixels_are_fed_as_they_are() -> None:
    contract = contract_of(dtype="uint8")
    models = trunkline.ModelSet()
    models.add(model_of("one", contract))
    tensor = to_tensor(PICTURE, contract)[0]
    expected = models.predict(PICTURE)["one"].probabilities
    np.testing.assert_array_equal(fed(models, "one", tensor)["one"].probabilities, expected)
    with pytest.raises(BadRequestError, match="must be uint8 of shape 32x32x3; this is float32"):
        fed(models, "one", tensor.astype(np.float32))


def test_open_sides_are_multiples_of_32() -> None:
    contract = contract_of(preset=Preset.DETECTOR_COMPACT)
    assert tensor_shape(contract) == (-1, -1, 3)
    models = trunkline.ModelSet()
    models.add(model_of("one", contract, (-1, -1)))
    answer = fed(models, "one", np.full((64, 32, 3), 51, np.float32))["one"]
    np.testing.assert_allclose(answer.probabilities, 0.2, atol=1e-6)
    for shape in ((33, 32, 3), (0, 32, 3), (32, 32, 4), (32, 32)):
        with pytest.raises(BadRequestError, match=r"shape \?x\?x3, with sides that are multiples"):
            fed(models, "one", np.zeros(shape, np.float32))


def test_a_wrong_shape_and_an_unknown_model_are_named(tmp_path) -> None:
    models = trunkline.load(builders.onnx_classifier(tmp_path / "hues"))
    assert tensor_shape(models["hues"].contract) == (3, 16, 16)
    with pytest.raises(BadRequestError, match="shape 3x16x16; this is float32 of shape 16x16x3"):
        fed(models, "hues", np.zeros((16, 16, 3), np.float32))
    with pytest.raises(ModelNameError, match="nobody"):
        fed(models, "nobody", np.zeros((3, 16, 16), np.float32))
