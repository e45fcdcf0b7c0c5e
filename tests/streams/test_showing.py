# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import trunkline.streams.showing as showing_module
from trunkline.streams.frames import Event, Frame, Sight
from trunkline.streams.showing import Showing
from watchfakes import classified, frame

ANSWERS = {"pets": classified("dog")}


def sight(number: int = 0, stream: str = "door", events: int = 0, level: int = 0) -> Sight:
    """A sight with so many events, whose labels count them."""
    found = tuple(
        Event(stream, "pets", str(i), "begin", number / 10, number, 0.9) for i in range(events)
    )
    return Sight(frame(number, stream, level=level), ANSWERS, found, 0.01)


def test_there_is_nothing_before_the_first() -> None:
    shown = Showing()
    assert shown.version("door") == -1
    assert shown.picture("door") is None
    assert shown.events(-1) == []
    assert (shown.dropped, shown.problem) == (0, "")


def test_the_last_picture_of_each_camera_is_kept() -> None:
    shown = Showing()
    for number in range(3):
        shown.put(sight(number, level=80 * number))
    shown.put(sight(0, "yard", level=40))
    assert (shown.version("door"), shown.version("yard")) == (2, 0)
    picture = shown.picture("door")
    assert picture is not None
    assert (picture.version, picture.width, picture.height) == (2, 60, 40)
    assert picture.answers == ANSWERS
    image = Image.open(io.BytesIO(picture.jpeg))
    assert (image.format, image.size) == ("JPEG", (60, 40))
    assert np.asarray(image).mean() == pytest.approx(160, abs=3)
    shown.close(1)
    assert shown.picture("door") == picture


def test_large_pictures_are_made_smaller() -> None:
    shown = Showing()
    large = Frame("door", 0, 0.0, np.zeros((1080, 1920, 3), np.uint8))
    shown.put(Sight(large, {}, (), 0.01))
    picture = shown.picture("door")
    assert picture is not None
    assert (picture.width, picture.height) == (960, 540)


def test_a_picture_is_encoded_once_and_not_before_somebody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    encoded = showing_module._encoded

    def counted(shown: showing_module._Shown) -> object:
        made.append(shown.version)
        return encoded(shown)

    monkeypatch.setattr(showing_module, "_encoded", counted)
    shown = Showing()
    for number in range(3):
        shown.put(sight(number))
    assert made == []
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(shown.picture, ["door"] * 8))
    assert made == [2]
    assert all(each is found[0] for each in found)
    shown.put(sight(3))
    assert shown.picture("door") is not found[0]
    assert made == [2, 3]


def test_events_have_serials_over_all_cameras() -> None:
    shown = Showing()
    shown.put(sight(1, events=2))
    shown.put(sight(2))
    shown.put(sight(3, "yard", events=1))
    found = shown.events(-1)
    assert [each.serial for each in found] == [0, 1, 2]
    assert [each.camera for each in found] == ["door", "door", "yard"]
    last = found[-1]
    assert (last.at, last.model, last.label, last.state, last.probability) == (
        0.3, "pets", "0", "begin", 0.9,
    )  # fmt: skip
    assert [each.serial for each in shown.events(1)] == [2]
    assert shown.events(2) == shown.events(99) == []


def test_only_the_last_five_hundred_events_are_kept() -> None:
    shown = Showing()
    for number in range(60):
        shown.put(sight(number, events=10))
    assert [each.serial for each in shown.events(-1)] == list(range(100, 600))
    assert [each.serial for each in shown.events(50)] == list(range(100, 600))
    assert [each.serial for each in shown.events(597)] == [598, 599]
