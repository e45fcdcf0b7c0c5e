# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trunkline.errors import TrunklineError
from trunkline.streams.camerafile import CameraSettings, WatchSettings, read_camera_file
from trunkline.streams.conditions import Condition
from trunkline.streams.regions import Region
from trunkline.streams.rules import EVERY_MODEL, Rule

if TYPE_CHECKING:
    from pathlib import Path

ALL = """
models = ["models/", "other=second.zip"]
port = 8000

[watch]
sinks = ["jsonl"]

[[cameras]]
source = 0

[[cameras]]
source = "rtsp://camera/stream"
name = "door"
every = 2
fps = 15
still = 1.5
patience = 3
transport = "udp"
threshold = 0.7
priority = 2
models = ["person"]

[[cameras.rules]]
model = "helmet"
every = 5
when = "person: person > 0.6"
seconds = 1.5
smooth = "3/5"
region = [0, 0.5, 1, 0.5]
deadline = 0.5
priority = 1

[[cameras]]
source = "video.mp4"
[[cameras.rules]]
model = "*"
threshold = 1
"""


def read(tmp_path: Path, text: str) -> WatchSettings:
    path = tmp_path / "trunkline.toml"
    path.write_text(text, "utf-8")
    return read_camera_file(path)


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    found = read(tmp_path, ALL)
    assert found.models == ("models/", "other=second.zip")
    assert found.sinks == ("jsonl",)
    webcam, door, video = found.cameras
    assert (webcam.source, webcam.rules) == ("0", (Rule(EVERY_MODEL),))
    assert (door.name, door.every, door.fps, door.still) == ("door", 2, 15, 1.5)
    assert door.reading is not None
    assert (door.reading.patience, door.reading.transport) == (3, "udp")
    assert door.rules == (
        Rule("person", threshold=0.7, priority=2),
        Rule(
            "helmet",
            every=5,
            seconds=1.5,
            when=Condition("person", "person", 0.6),
            region=Region(0, 0.5, 1, 0.5),
            threshold=0.7,
            smoothing=(3, 5),
            priority=1,
            deadline=0.5,
        ),
    )
    assert video.rules == (Rule(EVERY_MODEL, threshold=1),)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == WatchSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[cameras", "cannot be read"),
        ("models = 3", "models: it must be a list of texts"),
        ("watch = 3", "watch: it must be a table"),
        ("[watch]\nsinks = [3]", "watch.sinks: it must be a list of texts"),
        ("[watch]\nsink = []", "watch: there is no setting called sink; there are sinks"),
        ("cameras = 3", "cameras: it must be a list of tables"),
        ("cameras = [3]", "camera 1: it must be a table"),
        ("[[cameras]]", "camera 1: it has no source"),
        ("[[cameras]]\nsource = 0\nevery = true", "every is True; it must be a number"),
        ("[[cameras]]\nsource = 0\noptions = 1", "options is 1; it must be a table"),
        ("[[cameras]]\nsource = 0\nname = 1", "name is 1; it must be a text"),
        ("[[cameras]]\nsource = 0\ntransport = 'x'", "camera 1: transport is 'x'"),
        ("[[cameras]]\nsource = 0\nsmooth = '6/5'", "camera 1, model *: '6/5' asks for"),
        ("[[cameras]]\nsource = 0\nregion = ['a', 0, 1, 1]", "camera 1, model *: could not"),
        ("[[cameras]]\nsource = 0\nregion = [[], 0, 1, 1]", "camera 1, model *: float"),
        ("[[cameras]]\nsource = 0\nrules = [{}]", "camera 1, rule 1: it names no model"),
        ("[[cameras]]\nsource = 0\nrules = [{model = 'a', when = 'b'}]", "model a: 'b' is not"),
        ("[[cameras]]\nsource = 0\nthreshold = 2", "threshold is 2; it must be 0 to 1"),
    ],
)
def test_what_cannot_be_meant_is_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TrunklineError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "trunkline.toml"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrunklineError, match="cannot be read"):
        read_camera_file(tmp_path / "none.toml")


def test_cameras_are_opened(tmp_path: Path) -> None:
    settings = CameraSettings(str(tmp_path), rules=(Rule("a"),), still=2.0)
    camera = settings.open("yard")
    assert (camera.source.name, camera.rules, camera.still) == ("yard", (Rule("a"),), 2.0)
    with pytest.raises(TrunklineError, match="two rules"):
        CameraSettings(str(tmp_path), rules=(Rule("a"), Rule("a"))).open()
