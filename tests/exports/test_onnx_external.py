# SPDX-License-Identifier: Apache-2.0
"""Weights in files of their own: read where they may be, refused anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper

import references
from exports.onnx_models import classifier, model, node, run, saved, values
from trunkline.errors import ExportError
from trunkline.exports.onnx import read

if TYPE_CHECKING:
    from pathlib import Path


def apart(folder: Path, location: str = "weights.bin") -> Path:
    """Write a classifier whose weights are in files of their own."""
    path = folder / "model.onnx"
    folder.mkdir(exist_ok=True)
    onnx.save(classifier(), path, save_as_external_data=True, location=location, size_threshold=0)
    return path


def pointing(folder: Path, **place: object) -> Path:
    """Write a model with one constant of 4 bytes, said to be somewhere else."""
    made = model([node("Add", ["data", "c"], ["out"])], {"c": np.ones(1, np.float32)})
    (tensor,) = made.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))
    folder.mkdir(exist_ok=True)
    return saved(made, folder)


def test_weights_in_a_file_of_their_own_are_read(tmp_path: Path) -> None:
    path = apart(tmp_path)
    assert path.stat().st_size < (tmp_path / "weights.bin").stat().st_size + 2000
    tensor = values(1, 3, 17, 14)
    (answer,), (expected,) = run(read(path), tensor), references.onnxruntime(path, tensor)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)


def test_the_folder_need_not_be_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = apart(tmp_path / "export")
    monkeypatch.chdir(tmp_path)
    assert read(path.relative_to(tmp_path)).format == "ONNX opset 13"


def test_a_folder_below_is_inside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/w.bin").write_bytes(np.float32([9, 2]).tobytes())
    path = pointing(tmp_path, location="data/w.bin", offset=4, length=4)
    tensor = values(1, 3, 17, 14)
    (answer,) = run(read(path), tensor)
    np.testing.assert_array_equal(answer, tensor + 2)


def test_a_constant_operation_may_have_its_value_apart(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(np.float32([3]).tobytes())
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], [0.0])
    tensor.ClearField("float_data")
    tensor.raw_data = bytes(4)
    external_data_helper.set_external_data(tensor, "w.bin")
    tensor.ClearField("raw_data")
    nodes = [node("Constant", [], ["c"], value=tensor), node("Mul", ["data", "c"], ["out"])]
    (answer,) = run(read(saved(model(nodes), tmp_path)), picture := values(1, 3, 17, 14))
    np.testing.assert_array_equal(answer, picture * 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = apart(tmp_path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ExportError, match=r"'weights\.bin', which is missing"):
        read(path)


@pytest.mark.parametrize(
    "location",
    ["../secret.bin", "/etc/hostname", "a/../../secret.bin", "link.bin", "up/secret.bin"],
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(4))
    path = pointing(tmp_path / "export", location=location)
    (tmp_path / "export/link.bin").symlink_to(tmp_path / "secret.bin")
    (tmp_path / "export/up").symlink_to(tmp_path)
    with pytest.raises(ExportError, match="outside the model's folder"):
        read(path)


@pytest.mark.parametrize("location", ["", ".", "*/_ORT_MEM_ADDR_/*"])
def test_what_is_no_file_is_not_read(tmp_path: Path, location: str) -> None:
    with pytest.raises(ExportError, match="missing"):
        read(pointing(tmp_path, location=location, offset=4096, length=4))


@pytest.mark.parametrize("location", ["a\0b", "n" * 5000])
def test_what_cannot_be_a_path_is_refused(tmp_path: Path, location: str) -> None:
    with pytest.raises(ExportError, match="cannot be at"):
        read(pointing(tmp_path, location=location))


def test_a_ring_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.bin").symlink_to(tmp_path / "w.bin")
    with pytest.raises(ExportError, match=r"w\.bin"):
        read(pointing(tmp_path, location="w.bin"))


@pytest.mark.parametrize(("offset", "length"), [(0, 8), (2, 4), (99, 4)])
def test_a_file_that_is_too_short_is_named(tmp_path: Path, offset: int, length: int) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(4))
    path = pointing(tmp_path, location="w.bin", offset=offset, length=length)
    with pytest.raises(ExportError, match=r"w\.bin is too short"):
        read(path)


@pytest.mark.parametrize(
    "place", [{"offset": -1}, {"length": -9}, {"offset": "x"}, {"length": 3}, {"offset": 2**70}]
)
def test_a_place_that_makes_no_sense_is_refused(tmp_path: Path, place: dict) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(8))
    with pytest.raises(ExportError):
        read(pointing(tmp_path, location="w.bin", **place))
