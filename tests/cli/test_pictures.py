# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trunkline.cli.pictures import find_pictures
from trunkline.errors import PictureError

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "a.PNG", "sub/z.bmp", "sub/deep/c.webp", "another/d.jpeg")
    found = list(find_pictures([str(tmp_path)]))
    names = ["a.PNG", "b.jpg", "another/d.jpeg", "sub/z.bmp", "sub/deep/c.webp"]
    assert found == [str(tmp_path / name) for name in names]


def test_folders_hide_what_is_hidden_or_no_picture(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", ".b.jpg", ".cache/c.jpg", "labels.txt", "jpg", "d.jpg.part")
    assert list(find_pictures([str(tmp_path)])) == [str(tmp_path / "a.jpg")]


def test_files_that_are_named_are_always_tried(tmp_path: Path) -> None:
    named = [str(tmp_path / name) for name in ("missing.jpg", "labels.txt", ".hidden.jpg")]
    assert list(find_pictures([*named, "-"])) == [*named, "-"]


def test_order_and_repeats_are_the_persons(tmp_path: Path) -> None:
    touch(tmp_path, "f/a.jpg", "z.jpg")
    folder, file = str(tmp_path / "f"), str(tmp_path / "z.jpg")
    inside = str(tmp_path / "f" / "a.jpg")
    assert list(find_pictures([file, folder, file])) == [file, inside, file]


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "labels.txt")
    (error,) = find_pictures([str(tmp_path)])
    assert isinstance(error, PictureError)
    assert error.source == str(tmp_path)
    assert ".jpg" in str(error)


def test_a_folder_that_cannot_be_read_is_an_error_and_the_others_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.jpg", "locked/b.jpg")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(find_pictures([str(tmp_path)]))
    assert found[0] == str(tmp_path / "a.jpg")
    assert isinstance(found[1], PictureError)
    assert str(tmp_path / "locked") in str(found[1])
    assert len(found) == 2


def test_a_name_too_long_for_the_system_is_passed_on() -> None:
    name = "a" * 5000
    assert list(find_pictures([name])) == [name]


def test_a_link_in_a_circle_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(find_pictures([str(tmp_path)])) == [str(tmp_path / "a.jpg")]
