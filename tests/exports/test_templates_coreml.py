# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.likenesses import LABELS, changed, changes, known_of, recognised, values
from trunkline.exports.messages import CoreMLModel
from trunkline.exports.package import ModelFormat
from trunkline.exports.templates import ModelFile

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.exports.reading import Known


@pytest.fixture(scope="module")
def source(shared: Path) -> Path:
    return shared / "models" / "desk-earlier-coreml"


@pytest.fixture(scope="module")
def known(source: Path) -> Known:
    found = known_of(source)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def data(source: Path) -> bytes:
    return (source / "model.mlmodel").read_bytes()


def network(model):
    return model.neuralNetworkClassifier


def product(model):
    layers = network(model).layers
    return next(each.innerProduct for each in layers if each.WhichOneof("layer") == "innerProduct")


def with_head(data: bytes, labels: int, *, half: bool = False) -> bytes:
    model = CoreMLModel.FromString(data)
    params = product(model)
    params.outputChannels = labels
    for weights, array in ((params.weights, values(labels, 512)), (params.bias, values(labels))):
        weights.ClearField("floatValue")
        if half:
            weights.float16Value = array.astype("<f2").tobytes()
        else:
            weights.floatValue.extend(array.reshape(-1).tolist())
    network(model).stringClassLabels.vector[:] = LABELS[:labels]
    return model.SerializeToString()


def write(data: bytes, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.mlmodel").write_bytes(data)
    return folder


@pytest.mark.parametrize("labels", [1, 2, 6])
def test_another_head_is_recognised(
    source: Path, known: Known, data: bytes, tmp_path: Path, labels: int
) -> None:
    folder = write(with_head(data, labels), tmp_path / "other")
    assert recognised(folder, source, [known])


def test_a_head_of_float16_is_another_form(known: Known, data: bytes, tmp_path: Path) -> None:
    first = write(with_head(data, 3, half=True), tmp_path / "half")
    assert not recognised(first, first, [known])
    half = known_of(first)
    other = write(with_head(data, 5, half=True), tmp_path / "other")
    assert recognised(other, first, [half])


def test_labels_must_be_as_many_as_the_head_gives(
    source: Path, known: Known, data: bytes, tmp_path: Path
) -> None:
    model = CoreMLModel.FromString(data)
    network(model).stringClassLabels.vector.append("one too many")
    folder = write(model.SerializeToString(), tmp_path / "other")
    assert not recognised(folder, source, [known])


def trunk_bit(model) -> None:
    weights = network(model).layers[1].convolution.weights.floatValue
    weights[0] = np.nextafter(np.float32(weights[0]), np.float32(9))


def fewer(model) -> None:
    del product(model).weights.floatValue[0]


def mixed(model) -> None:
    product(model).weights.float16Value = b"12"


def epsilon(model) -> None:
    network(model).layers[0].batchnorm.epsilon = 0.5


def another_kind(model) -> None:
    model.neuralNetwork.layers.add()


def numbers(model) -> None:
    network(model).int64ClassLabels.vector[:] = range(5)


def no_bias(model) -> None:
    product(model).hasBias = False


@pytest.mark.parametrize(
    "change", [trunk_bit, fewer, mixed, epsilon, another_kind, numbers, no_bias]
)
def test_anything_else_is_not(known: Known, data: bytes, change) -> None:
    model = CoreMLModel.FromString(data)
    change(model)
    file = ModelFile(ModelFormat.COREML, (model.SerializeToString(),))
    assert known.template.match(file) is None
    assert known.template.match(ModelFile(ModelFormat.COREML, (data,))) is not None


def test_two_networks_in_one_file_are_not(known: Known, data: bytes) -> None:
    second = CoreMLModel()
    second.neuralNetwork.layers.add()
    file = ModelFile(ModelFormat.COREML, (second.SerializeToString() + data,))
    assert known.template.match(file) is None


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.data())
def test_a_changed_byte_never_makes_another_model(
    drawn, source: Path, known: Known, data: bytes, tmp_path: Path
) -> None:
    folder = write(changed(data, drawn.draw(changes(len(data)))), tmp_path / "changed")
    recognised(folder, source, [known])


def test_the_two_real_exports_are_of_two_forms(shared: Path, known: Known, source: Path) -> None:
    """One has a batch normalisation before everything else, the other a mean in its scaler."""
    other = shared / "models" / "fruit-7-coreml"
    assert not recognised(other, source, [known])
    assert recognised(other, other, [known_of(other)])
