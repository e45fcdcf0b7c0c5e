# SPDX-License-Identifier: Apache-2.0
"""Reading all that a unit holds."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import builders
from trunkline.server.layout import Root, look
from trunkline.server.unitreading import read_unit

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_broken_does_not_keep_the_rest_out(tmp_path: Path) -> None:
    for number in (1, 2):
        builders.openvino_classifier(tmp_path / "cats" / str(number))
    (tmp_path / "cats" / "1" / "model.bin").unlink()
    (unit,) = look(Root(tmp_path / "cats"), "all")
    contents = read_unit(unit)
    assert list(contents.models) == ["cats"]
    assert [name for name, _ in contents.errors] == ["cats.v1"]


def test_a_fixed_name_is_kept(tmp_path: Path) -> None:
    builders.openvino_classifier(tmp_path / "cats")
    (unit,) = look(Root(tmp_path / "cats", "dogs"), "latest")
    assert list(read_unit(unit).models) == ["dogs"]
    shutil.rmtree(tmp_path / "cats")
    ((name, error),) = read_unit(unit).errors
    assert name == "dogs"
    assert "no such file" in str(error)


def test_labels_beside_versions_are_found_and_the_source_is_the_version(tmp_path: Path) -> None:
    for number in (1, 2):
        export = builders.openvino_classifier(tmp_path / "cats" / str(number))
        shutil.move(export / "model.toml", tmp_path / "cats" / "model.toml")
    (tmp_path / "cats" / "1" / "model.bin").unlink()
    (unit,) = look(Root(tmp_path / "cats"), "all")
    contents = read_unit(unit)
    assert contents.models["cats"].source == str(tmp_path / "cats" / "2")
    ((_, error),) = contents.errors
    assert str(error).startswith(str(tmp_path / "cats" / "1"))
