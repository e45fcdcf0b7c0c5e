# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import frameworks
from exports import damage
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.tflite import read
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "float16"])
def small(request) -> bytes:
    graph = frameworks.small_classifier()
    return frameworks.lite(graph, "Placeholder", "model_outputs", half=request.param)


def written(folder: Path, data: bytes) -> Path:
    (folder / "model.tflite").write_bytes(data)
    return folder / "model.tflite"


def test_a_real_file_is_read(shared: Path) -> None:
    network = read(shared / "models" / "meter-container-2025" / "model.tflite")
    assert network.format == "TensorFlow Lite"
    assert (network.labels, dict(network.metadata), network.notes) == (None, {}, ())
    assert network.graph.inputs[0].get_names() == {"Placeholder"}
    assert network.graph.outputs[0].get_names() == {"model_outputs"}


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x1c\0\0\0TFL2 and more", b"this is text"])
def test_what_is_no_tflite_file_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="not a TensorFlow Lite model"):
        read(written(tmp_path, data))


def test_every_cut_is_refused(small: bytes, tmp_path: Path) -> None:
    for length in range(0, len(small), 61):
        with pytest.raises(ExportError):
            read(written(tmp_path, small[:length]))


def test_an_operation_that_openvino_lacks_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, 4, 4, 3], tf.float32)])
    def odd(picture):
        return tf.raw_ops.Bincount(arr=tf.cast(picture, tf.int32), size=4, weights=picture)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([odd.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.SELECT_TF_OPS]
    with pytest.raises(UnsupportedExportError, match=r"does not know .* Flex"):
        read(written(tmp_path, converter.convert()))


def test_a_damaged_file_is_refused_or_read(small: bytes, tmp_path: Path) -> None:
    folder = frameworks.write(tmp_path / "export", small, "model.tflite", LABELS)
    outcomes = damage.readings(folder, "model.tflite", 60)
    damage.run(outcomes[:20])
    assert {isinstance(outcome, Model) for outcome in outcomes} == {True, False}


def test_a_damaged_real_file_is_refused_or_read(shared: Path, tmp_path: Path) -> None:
    source = shared / "models" / "meter-container-2025"
    data = (source / "model.tflite").read_bytes()
    folder = frameworks.write(tmp_path / "meter", data, "model.tflite")
    shutil.copyfile(source / "labels.txt", folder / "labels.txt")
    outcomes = damage.readings(folder, "model.tflite", 15)
    assert any(isinstance(outcome, ExportError) for outcome in outcomes)
