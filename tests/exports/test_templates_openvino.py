# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import openvino
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.likenesses import (
    LABELS,
    TOML,
    changed,
    changes,
    copy_beside,
    known_of,
    recognised,
)
from exports.onnx_models import classifier, weights
from exports.test_templates_onnx import with_head
from trunkline.exports.package import ModelFormat
from trunkline.exports.templates import ModelFile

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.exports.reading import Known


def write(folder: Path, labels: int, *, half: bool = False) -> Path:
    """Convert a small ONNX model; each conversion numbers its operations anew."""
    folder.mkdir(exist_ok=True)
    made = with_head(classifier(), labels)
    (folder.parent / "source.onnx").write_bytes(made.SerializeToString())
    graph = openvino.convert_model(folder.parent / "source.onnx")
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=half)
    (folder / "labels.txt").write_text("\n".join(LABELS[:labels]), "utf-8")
    (folder / "model.toml").write_text(TOML.format(w=14, h=17), "utf-8")
    return folder


def file_in(folder: Path, *, text: tuple[bytes, bytes] = (b"", b"")) -> ModelFile:
    """Open a model, with a piece of its text replaced."""
    xml = (folder / "model.xml").read_bytes()
    assert text[0] in xml
    parts = (xml.replace(*text, 1) if text[0] else xml, (folder / "model.bin").read_bytes())
    return ModelFile(ModelFormat.OPENVINO, parts)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return write(tmp_path / "first", 3)


@pytest.fixture
def known(first: Path) -> Known:
    found = known_of(first)
    assert found is not None
    return found


@pytest.mark.parametrize("half", [False, True])
def test_another_head_is_recognised(tmp_path: Path, half: bool) -> None:
    first = write(tmp_path / "first", 3, half=half)
    for labels in (2, 3, 6):
        second = write(tmp_path / "second", labels, half=half)
        assert recognised(second, first, [known_of(first)])


@pytest.mark.parametrize(
    "text",
    [
        (b'strides="2, 2"', b'strides="1, 2"'),
        (b'type="ReLU"', b'type="Tanh"'),
        (b'names="data"', b'names="other"'),
        (b'from-layer="0"', b'from-layer="1"'),
        (b'offset="0"', b'offset="4"'),
        (b'offset="0"', b'offset="99999999"'),
        (b'offset="0"', b'offset = "0"'),
        (b"<layers>", b"<layers><!-- -->"),
        (b'shape="3, 4"', b'shape="4, 3"'),
        (b'shape="3, 4"', b'shape="3, 5"'),
        (b"</net>", b"</net> "),
    ],
)
def test_anything_else_is_not(first: Path, known: Known, text: tuple[bytes, bytes]) -> None:
    assert known.template.match(file_in(first)) is not None
    assert known.template.match(file_in(first, text=text)) is None


def test_a_bit_of_a_weight_is_not(first: Path, known: Known) -> None:
    text, data = file_in(first).parts
    place = data.find(weights()["kernel"].tobytes())
    assert place >= 0
    file = ModelFile(ModelFormat.OPENVINO, (text, changed(data, (place + 5, 1))))
    assert known.template.match(file) is None


@pytest.mark.parametrize(
    "text", [(b"<layers>", b"<layers><!-- -->"), (b"</layers>", b"<layer /></layers>")]
)
def test_a_text_that_is_not_plain_makes_no_template(
    first: Path, text: tuple[bytes, bytes], known: Known
) -> None:
    from trunkline.exports.templates import make_template

    head = known.template.match(file_in(first)).head
    assert make_template(file_in(first), head.weights, head.bias) == known.template
    assert make_template(file_in(first, text=text), head.weights, head.bias) is None


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.data())
@pytest.mark.parametrize("part", [0, 1])
def test_a_changed_byte_never_makes_another_model(
    drawn, part: int, first: Path, known: Known
) -> None:
    folder = first.parent / "changed"
    shutil.copytree(first, folder, dirs_exist_ok=True)
    path = folder / ("model.xml", "model.bin")[part]
    data = path.read_bytes()
    path.write_bytes(changed(data, drawn.draw(changes(len(data)))))
    recognised(folder, first, [known])


def test_a_model_without_its_weights_is_read_in_full(first: Path, known: Known) -> None:
    (first / "model.bin").unlink()
    assert not recognised(first, first, [known])


def test_a_converted_real_export_is_recognised(shared: Path, tmp_path: Path) -> None:
    folders = []
    for name in ("fruit-2", "fruit-4"):
        source = shared / "models" / name
        folders.append(copy_beside(source, tmp_path / name))
        graph = openvino.convert_model(source / "model.pb")
        openvino.save_model(graph, folders[-1] / "model.xml", compress_to_fp16=False)
    first, second = folders
    assert recognised(second, first, [known_of(first)])
