# SPDX-License-Identifier: Apache-2.0
"""What lies in folders, as units; it must agree with what ``trunkline.load`` finds there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import builders
import trunkline
from trunkline.server.layout import Root, look, root_of


def names(root: Path | Root, policy: str = "latest") -> list[str]:
    given = root if isinstance(root, Root) else Root(root)
    return [unit.name for unit in look(given, policy)]  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Exports in every wrapping: folders, zips, bare files on a shelf, one folder deeper."""
    colours = builders.openvino_classifier(tmp_path / "made" / "colours")
    root = tmp_path / "root"
    shutil.copytree(colours, root / "a-folder")
    shutil.copytree(colours, root / "deeper" / "inner")
    shutil.make_archive(str(root / "zipped"), "zip", colours)
    shelf = root / "shelf"
    shelf.mkdir()
    for name in ("one", "two"):
        for suffix in (".xml", ".bin"):
            shutil.copy(colours / f"model{suffix}", shelf / f"{name}{suffix}")
    (root / ".hidden").mkdir()
    (root / "notes.txt").write_text("nothing")
    return root


def test_units_are_called_as_a_model_set_calls_their_models(folder: Path) -> None:
    models = trunkline.load(folder, on_error="skip")
    readable = {each.source for each in models.values()}
    assert sorted(names(folder)) == ["a-folder", "inner", "one", "two", "zipped"]
    assert {"a-folder", "inner", "zipped"} == set(models)
    assert readable <= {str(unit.path) for unit in look(Root(folder), "latest")}


def test_names_that_come_twice_are_told_apart(folder: Path) -> None:
    shutil.copy(folder / "zipped.zip", folder / "a-folder.zip")
    shutil.copy(folder / "shelf" / "one.xml", folder / "shelf" / "one.onnx")
    found = {unit.name: unit for unit in look(Root(folder), "latest")}
    assert {"a-folder", "a-folder-2", "one-onnx", "one-openvino"} <= set(found)
    assert found["a-folder-2"].fixed
    assert not found["a-folder"].fixed


def test_a_given_name_holds_for_the_whole(folder: Path) -> None:
    (unit,) = look(Root(folder / "zipped.zip", "mine"), "latest")
    assert (unit.name, unit.fixed) == ("mine", True)


def test_versions_are_one_unit(tmp_path: Path) -> None:
    for number in (1, 2):
        builders.openvino_classifier(tmp_path / "cats" / str(number))
    assert names(tmp_path) == ["cats"]
    (unit,) = look(Root(tmp_path, "mine"), "all")
    assert not unit.versions  # a folder with more in it than versions
    (unit,) = look(Root(tmp_path / "cats", "mine"), "all")
    assert set(unit.versions) == {"mine", "mine.v1"}


def test_labels_around_a_single_model_are_its_own(tmp_path: Path) -> None:
    export = builders.openvino_classifier(tmp_path / "cats" / "inner")
    shutil.move(export / "model.toml", tmp_path / "cats" / "model.toml")
    (unit,) = look(Root(tmp_path / "cats"), "latest")
    assert unit.path == tmp_path / "cats"


def test_what_holds_nothing_is_named_to_be_complained_about(tmp_path: Path) -> None:
    assert [unit.path for unit in look(Root(tmp_path / "absent"), "latest")] == [
        tmp_path / "absent"
    ]
    assert look(Root(tmp_path, stored=True), "latest") == []
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "cats.h5").write_bytes(b"x")
    assert [unit.path.name for unit in look(Root(tmp_path), "latest")] == ["keras"]


def test_kept_uploads_are_called_by_their_files(tmp_path: Path) -> None:
    builders.zip_of(tmp_path / "model.zip", {"a": b"b"})
    (unit,) = look(Root(tmp_path, stored=True), "latest")
    assert (unit.name, unit.fixed) == ("model", True)


@pytest.mark.parametrize("path", ["a-folder", "zipped.zip", "shelf/one.xml"])
def test_a_stamp_tells_a_change(folder: Path, path: str) -> None:
    (before,) = look(Root(folder / path), "latest")
    assert look(Root(folder / path), "latest") == [before]
    changed = folder / path / "model.bin" if path == "a-folder" else folder / path
    if changed.suffix == ".xml":
        changed = changed.with_suffix(".bin")
    with changed.open("ab") as file:
        file.write(b"x")
    (after,) = look(Root(folder / path), "latest")
    assert after.stamp != before.stamp


def test_a_file_beside_another_model_changes_nothing(folder: Path) -> None:
    (before,) = look(Root(folder / "shelf" / "one.xml"), "latest")
    os.utime(folder / "shelf" / "two.bin", (1, 1))
    assert look(Root(folder / "shelf" / "one.xml"), "latest") == [before]
    (folder / "shelf" / "labels.txt").write_text("a\nb\nc\n")
    assert look(Root(folder / "shelf" / "one.xml"), "latest") != [before]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("mine=else/where", Root(Path("else/where"), "mine")),
        ("some/where", Root(Path("some/where"))),
    ],
)
def test_a_root_may_have_a_name(source: str, expected: Root) -> None:
    assert root_of(source) == expected


def test_what_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    assert root_of("a=b") == Root(Path("a=b"))
    assert root_of("a" * 5000) == Root(Path("a" * 5000))
