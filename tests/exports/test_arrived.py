# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

import builders
from trunkline.errors import ExportError
from trunkline.exports.arrived import (
    arrived_file,
    name_problem,
    read_arrived,
    suffixes_of,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_zip_is_read_and_nothing_of_it_stays(tmp_path: Path) -> None:
    data = builders.zipped(builders.openvino_classifier(tmp_path / "colours"))
    with arrived_file(data, "my.zip") as arrived:
        model, suffix = read_arrived(arrived, "hues")
        folder = arrived.path.parent
    assert (model.name, model.labels, suffix) == ("hues", builders.COLOURS, ".zip")
    assert model.source == f"my.zip (sha256 {hashlib.sha256(data).hexdigest()[:12]})"
    assert not folder.exists()


def test_what_cannot_be_read_is_told_by_its_own_name() -> None:
    with arrived_file(b"PK no zip", "my.zip") as arrived, pytest.raises(ExportError) as caught:
        read_arrived(arrived, "hues")
    assert str(caught.value).startswith("my.zip: ")
    assert str(arrived.path.parent) not in str(caught.value)


def test_what_could_be_anything_is_tried_as_all_of_it() -> None:
    with arrived_file(b"nothing at all") as arrived:
        assert arrived.suffixes == (".onnx", ".pb", ".mlmodel")
        with pytest.raises(ExportError, match="hues: it is neither a zip nor a model file"):
            read_arrived(arrived, "hues")


@pytest.mark.parametrize(
    ("name", "first", "suffixes"),
    [
        ("a.onnx", b"PK\x03\x04", (".zip",)),
        ("a.zip", b"\x00\x00\x00\x00TFL3", (".tflite",)),
        ("a.PB", b"\x08\x01", (".pb",)),
        ("a.exe", b"\x08\x01", (".onnx", ".pb", ".mlmodel")),
        ("", b"", (".onnx", ".pb", ".mlmodel")),
    ],
)
def test_the_first_bytes_tell_more_than_the_name(
    name: str, first: bytes, suffixes: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "upload").write_bytes(first)
    assert suffixes_of(name, tmp_path / "upload") == suffixes


@pytest.mark.parametrize("name", ["a", "fruit 7", "v1.2-b_c", "Äpfel"])
def test_plain_names_will_do(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "a ", "self", "a" * 129, "a\nb"])
def test_other_names_are_refused(name: str) -> None:
    assert "cannot be called" in name_problem(name)
