# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from trunkline.cli.servecameras import ServerCameras
from trunkline.streams.camerafile import CameraSettings, WatchSettings
from trunkline.streams.watching import Watcher
from watchfakes import until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> WatchSettings:
    """A folder of three pictures, and where the lines go."""
    for i, colour in enumerate(["red", "red", "lime"]):
        builders.picture(tmp_path / "pictures" / f"{i}.png", colour)
    camera = CameraSettings(str(tmp_path / "pictures"), "yard")
    return WatchSettings(sinks=(f"jsonl:{tmp_path / 'lines'}",), cameras=(camera,))


def test_they_are_watched_with_models_that_come_later(
    settings: WatchSettings, tmp_path: Path
) -> None:
    models = trunkline.ModelSet()
    cameras = ServerCameras(settings, models)
    models.add(builders.openvino_classifier(tmp_path / "colours"))
    cameras.start()
    until(lambda: cameras.cameras()[0].state == "ended" and cameras.cameras()[0].frames == 3)
    cameras.close()
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    labels = [line["predictions"]["colours"]["label"] for line in lines]
    assert labels == ["red", "red", "green"]
    assert [each.label for each in cameras.events(-1)] == ["red", "red", "green"]
    assert cameras.cameras()[0].version == 2


def test_they_may_be_closed_without_a_start(settings: WatchSettings) -> None:
    cameras = ServerCameras(settings, trunkline.ModelSet())
    cameras.close()
    assert cameras.cameras()[0].frames == 0


def test_a_fault_ends_them_and_is_logged(
    settings: WatchSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run(_: Watcher) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(Watcher, "run", run)
    cameras = ServerCameras(settings, trunkline.ModelSet())
    cameras.start()
    until(lambda: "A fault ended the watching" in caplog.text)
    cameras.close()
