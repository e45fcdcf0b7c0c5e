# SPDX-License-Identifier: Apache-2.0
"""Flatbuffers made with LiteRT's own classes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import frameworks
from trunkline.errors import ExportError
from trunkline.exports import tflite_check
from trunkline.exports.tflite_check import check

SOURCE = Path("model.tflite")
UNFIT = "shape of one of its weights does not fit"
DAMAGED = "damaged, or only a part"


@pytest.fixture(scope="module")
def sound() -> bytes:
    return frameworks.lite(frameworks.small_classifier(), "Placeholder", "model_outputs")


def opened(data: bytes):
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))


def packed(model) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def kernel_of(model):
    """The weights of the convolution."""
    return next(t for t in model.subgraphs[0].tensors if len(t.shape) == 4 and t.shape[0] == 8)


def test_what_the_converter_writes_passes(sound: bytes) -> None:
    check(sound, SOURCE)
    check(packed(opened(sound)), SOURCE)


def test_real_files_pass(shared: Path) -> None:
    files = sorted(shared.glob("models/*/*.tflite"))
    assert len(files) == 3
    for file in files:
        check(file.read_bytes(), file)


@pytest.mark.parametrize(
    "shape",
    [[8, 5, 5, 0], [8, 5, 5, -16777213], [8, 5, 5, 4], [8, 5, 5, 2], [8, 5, 5], [-8, -5, 5, 3], []],
)
def test_weights_whose_shape_does_not_fit_are_refused(shape, sound: bytes) -> None:
    model = opened(sound)
    kernel_of(model).shape = np.array(shape, np.int32)
    with pytest.raises(ExportError, match=UNFIT):
        check(packed(model), SOURCE)


def test_a_tensor_without_values_may_have_any_shape(sound: bytes) -> None:
    model = opened(sound)
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = np.array([0, -1], np.int32)
    check(packed(model), SOURCE)


@pytest.mark.parametrize("kind", ["INT4", "STRING"])
def test_packed_values_are_not_counted(kind: str, sound: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = opened(sound)
    kernel_of(model).type = getattr(schema.TensorType, kind)
    check(packed(model), SOURCE)


def test_sparse_values_are_not_counted(sound: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = opened(sound)
    kernel_of(model).shape = np.array([8, 5, 5, 99], np.int32)
    kernel_of(model).sparsity = schema.SparsityParametersT()
    check(packed(model), SOURCE)


def test_a_buffer_that_is_not_there_is_refused(sound: bytes) -> None:
    model = opened(sound)
    kernel_of(model).buffer = 999
    with pytest.raises(ExportError, match=DAMAGED):
        check(packed(model), SOURCE)


@pytest.mark.parametrize("data", [b"", b"abc", b"\xff" * 64, struct.pack("<I", 1 << 31) + b"TFL3"])
def test_what_is_no_flatbuffer_is_refused(data: bytes) -> None:
    with pytest.raises(ExportError, match=DAMAGED):
        check(data, SOURCE)


def test_more_tensors_than_any_model_has_are_refused(monkeypatch, sound: bytes) -> None:
    monkeypatch.setattr(tflite_check, "_MOST_TENSORS", 3)
    with pytest.raises(ExportError, match=DAMAGED):
        check(sound, SOURCE)
