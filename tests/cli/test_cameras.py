# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from trunkline.cli import cameras as module
from trunkline.cli.cameras import cameras_in, open_cameras, open_sinks
from trunkline.errors import TrunklineError
from trunkline.streams.camerafile import CameraSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_cameras_of_one_name_are_told_apart() -> None:
    found = open_cameras([CameraSettings("0"), CameraSettings("0"), CameraSettings("1")])
    names = [each.source.name for each in found]
    assert names[1] == f"{names[0]} (2)"
    assert len(set(names)) == 3


def test_a_name_that_was_given_is_for_one() -> None:
    with pytest.raises(TrunklineError, match="Two cameras are called door"):
        open_cameras([CameraSettings("0", "door"), CameraSettings("1", "door")])


def test_sinks_are_closed_again_where_one_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[float] = []

    def close(_: object, seconds: float) -> None:
        closed.append(seconds)

    from trunkline.streams.sink_jsonl import JsonLinesFile

    opened = open_sinks([f"jsonl:{tmp_path / 'one'}"])
    assert len(opened) == 1
    opened[0].close(1)
    original = JsonLinesFile.close
    monkeypatch.setattr(
        JsonLinesFile, "close", lambda sink, seconds: (close(sink, seconds), original(sink, 1))
    )
    with pytest.raises(TrunklineError, match="no sink"):
        open_sinks([f"jsonl:{tmp_path / 'two'}", "nothing"])
    assert closed == [0]


@pytest.mark.parametrize("text", [None, "", "port = 1", "cameras = []", "no toml ["])
def test_a_file_without_cameras_makes_none(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "trunkline.toml").write_text(text)
    assert cameras_in(tmp_path / "trunkline.toml") is None


def test_cameras_of_the_working_folders_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cameras_in(None) is None
    module.CONFIG.write_text('[[cameras]]\nsource = "pictures"\nname = "yard"\n')
    builders.picture(tmp_path / "pictures" / "0.png", "red")
    make = cameras_in(None)
    assert make is not None
    made = make(trunkline.ModelSet())
    assert [each.name for each in made.cameras()] == ["yard"]
    made.close()


def test_cameras_that_cannot_be_meant_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('[[cameras]]\nname = "yard"\n')
    with pytest.raises(TrunklineError, match="camera 1: it has no source"):
        cameras_in(tmp_path / "t.toml")
