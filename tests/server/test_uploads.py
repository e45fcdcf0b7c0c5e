# SPDX-License-Identifier: Apache-2.0
"""Models that come over HTTP: kept on disk where the settings say so, and never in two places."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

import builders
from trunkline.engine.modelset import ModelSet
from trunkline.errors import ExportError
from trunkline.exports.arrived import Arrived
from trunkline.server.faults import BadRequestError, ConflictError, NotFoundError
from trunkline.server.repository import Repository
from trunkline.server.settings import Settings
from trunkline.server.uploads import check_name, put, remove

if TYPE_CHECKING:
    from pathlib import Path

REVERSED = ("blue", "green", "red")


@pytest.fixture
def kept(tmp_path: Path) -> Repository:
    """A repository that keeps uploads, and has "hues" from a folder."""
    builders.onnx_classifier(tmp_path / "models" / "hues")
    return again(tmp_path)


def again(tmp_path: Path) -> Repository:
    """The repository as it is after a start."""
    settings = Settings(upload_folder=tmp_path / "uploads")
    repository = Repository(ModelSet(), [str(tmp_path / "models")], settings)
    repository.scan()
    return repository


def arrived(
    tmp_path: Path, labels: tuple[str, ...] = builders.COLOURS, name: str = "my.zip"
) -> Arrived:
    folder = builders.openvino_classifier(tmp_path / "made" / "colours", labels=labels)
    path = tmp_path / "arrived" / "upload"
    path.parent.mkdir(exist_ok=True)
    made = shutil.make_archive(str(tmp_path / "made" / "packed"), "zip", folder)
    shutil.copy(made, path)
    return Arrived(path, name, (".zip",), hashlib.sha256(path.read_bytes()).hexdigest())


def bare(tmp_path: Path, file: Path, suffixes: tuple[str, ...], name: str = "") -> Arrived:
    path = tmp_path / "arrived" / "upload"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(file, path)
    return Arrived(path, name, suffixes, "0" * 64)


def test_an_upload_is_kept_and_there_after_a_start(kept: Repository, tmp_path: Path) -> None:
    outcome = put(kept, "new", arrived(tmp_path), overwrite=False)
    assert (outcome.created, outcome.kept) == (True, tmp_path / "uploads" / "new.zip")
    assert not kept.scan()  # it is known already
    assert list(again(tmp_path).models) == ["hues", "new"]
    outcome = put(kept, "new", arrived(tmp_path, REVERSED), overwrite=True)
    assert not outcome.created
    assert not kept.scan()
    assert again(tmp_path).models["new"].labels == REVERSED
    assert remove(kept, "new")
    assert list((tmp_path / "uploads").iterdir()) == []
    assert not kept.scan()
    assert list(again(tmp_path).models) == ["hues"]


def test_a_kept_upload_of_another_format_leaves_no_second_file(
    kept: Repository, tmp_path: Path, shared: Path
) -> None:
    put(kept, "new", arrived(tmp_path), overwrite=False)
    put(kept, "new", bare(tmp_path, real(shared), (".onnx",)), overwrite=True)
    assert [each.name for each in (tmp_path / "uploads").iterdir()] == ["new.onnx"]
    assert not kept.scan()
    assert kept.models["new"].task == "multilabel"


def test_an_upload_takes_the_place_of_a_file(tmp_path: Path) -> None:
    builders.onnx_classifier(tmp_path / "models" / "hues")
    repository = Repository(ModelSet(), [str(tmp_path / "models")], Settings())
    repository.scan()
    with pytest.raises(ConflictError, match="PUT replaces"):
        put(repository, "hues", arrived(tmp_path), overwrite=False)
    assert put(repository, "hues", arrived(tmp_path), overwrite=True).kept is None
    assert not repository.scan()
    (listed,) = repository.index()
    assert (listed.state, listed.source) == ("READY", "uploaded")
    assert "my.zip (sha256 " in repository.models["hues"].source
    builders.onnx_classifier(tmp_path / "models" / "hues", labels=REVERSED)
    (problem,) = repository.scan().problems
    assert "loaded already" in problem
    assert remove(repository, "hues")  # the upload
    repository.scan()
    assert repository.models["hues"].labels == REVERSED


def test_uploads_may_be_kept_among_the_models(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    builders.onnx_classifier(folder / "hues")
    settings = Settings(upload_folder=folder)
    roots = [str(folder), str(folder / ".." / "models")]
    repository = Repository(ModelSet(), roots, settings)
    assert repository.scan().added == ("hues",)
    put(repository, "new", arrived(tmp_path), overwrite=False)
    assert not repository.scan()
    assert not remove(repository, "hues")  # a folder of the user's
    assert remove(repository, "new")
    assert [each.name for each in folder.iterdir()] == ["hues"]


def test_removing_a_file_s_model_unloads_it(kept: Repository, tmp_path: Path) -> None:
    assert not remove(kept, "hues")
    assert (tmp_path / "models" / "hues" / "model.onnx").exists()
    with pytest.raises(NotFoundError, match="not loaded"):
        remove(kept, "hues")
    with pytest.raises(NotFoundError, match="there is none"):
        remove(kept, "nobody")
    kept.load("hues")
    assert "hues" in kept.models


def real(shared: Path) -> Path:
    """An export whose labels are in its one file."""
    (found,) = (shared / "models" / "food-onnx-opset1").glob("*.onnx")
    return found


def test_the_format_is_found_where_the_name_says_nothing(
    kept: Repository, tmp_path: Path, shared: Path
) -> None:
    sent = bare(tmp_path, real(shared), (".pb", ".mlmodel", ".onnx"))
    put(kept, "new", sent, overwrite=False)
    assert kept.models["new"].format == "ONNX opset 1"


@pytest.mark.parametrize(
    ("suffixes", "word"),
    [
        ((".tflite",), "my.tflite"),
        ((".pb", ".mlmodel"), "filename="),
        ((".pb", ".onnx"), "model.toml"),
    ],
)
def test_what_cannot_be_read_says_so_and_not_where_it_lay(
    kept: Repository, tmp_path: Path, suffixes: tuple[str, ...], word: str
) -> None:
    file = tmp_path / "models" / "hues" / "model.onnx"
    with pytest.raises(ExportError) as refused:
        put(kept, "new", bare(tmp_path, file, suffixes, "my.tflite"), overwrite=False)
    assert word in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert list(kept.models) == ["hues"]
    assert not (tmp_path / "uploads").exists()


@pytest.mark.parametrize("name", ["a", "my model", "a-b_c.d", "äpfel", "x" * 128])
def test_names_that_will_do(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "-a", "a.", " a", "a\n", "x" * 129, "self", "a:b"]
)
def test_names_that_will_not_do(name: str) -> None:
    with pytest.raises(BadRequestError, match="cannot be called"):
        check_name(name)
