# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

import builders
import trunkline
from trunkline.errors import ExportError, ModelNameError, PictureError
from trunkline.predictions import Classification
from trunkline.streams.frames import Frame
from trunkline.streams.pageview import WatchedCameras, WatcherView
from trunkline.streams.rules import Camera, Rule
from trunkline.streams.showing import Showing
from trunkline.streams.watching import Watcher
from watchfakes import FakeModels, FakeSource, classified, frame, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trunkline.page.view import Cameras, View
    from trunkline.predictions import Prediction


@pytest.fixture
def models(tmp_path: Path) -> trunkline.ModelSet:
    return trunkline.load(builders.openvino_classifier(tmp_path / "colours"))


@pytest.fixture
def source() -> FakeSource:
    """A camera that goes on giving frames until it is closed."""

    red = np.zeros((40, 60, 3), np.uint8)
    red[:, :, 0] = 255

    def frames() -> Iterator[Frame]:
        number = 0
        while not source.closed:
            yield Frame("door", number, number / 10, red)
            number += 1

    source = FakeSource(frames())
    return source


@pytest.fixture
def view(models: trunkline.ModelSet, source: FakeSource) -> Iterator[WatcherView]:
    showing = Showing()
    with Watcher(models, [Camera(source)], sinks=[showing], threads=1) as watcher:
        watcher.start()
        yield WatcherView(watcher, models, showing, "here")


def test_it_is_a_view(view: WatcherView) -> None:
    whole: View = view
    part: Cameras = view
    assert (whole.title, whole.may_manage) == ("here", True)
    assert part.cameras()[0].name == "door"


def test_cameras_and_models_have_their_figures(view: WatcherView) -> None:
    until(lambda: view.cameras()[0].fps > 0)
    (camera,) = view.cameras()
    assert (camera.state, camera.problem, camera.dropped) == ("running", "", {})
    assert camera.frames > 0
    assert camera.latency > 0
    assert camera.version >= 0
    answer = camera.answers["colours"]
    assert isinstance(answer, Classification)
    (model,) = view.models()
    assert (model.name, model.task, model.labels) == ("colours", "multiclass", builders.COLOURS)
    assert (model.sharing, model.trunk != "") == (1, True)
    assert model.rate > 0
    assert model.latency is not None
    assert model.latency > 0


def test_pictures_and_events_come(view: WatcherView) -> None:
    until(lambda: view.cameras()[0].version >= 0)
    picture = asyncio.run(view.picture("door"))
    assert picture is not None
    assert picture.jpeg.startswith(b"\xff\xd8")
    assert "colours" in picture.answers
    assert asyncio.run(view.picture("nowhere")) is None
    until(lambda: view.events(-1))
    assert view.events(-1)[0].camera == "door"


def test_every_model_says_what_a_picture_shows(view: WatcherView) -> None:
    answers = asyncio.run(view.predict(builders.png_bytes("red")))
    answer = answers["colours"]
    assert isinstance(answer, Classification)
    assert answer.label == "red"
    with pytest.raises(PictureError):
        asyncio.run(view.predict(b"no picture"))


def test_a_model_that_comes_watches_and_one_that_goes_does_not(
    view: WatcherView, tmp_path: Path
) -> None:
    data = builders.zipped(builders.onnx_classifier(tmp_path / "hues"))
    said = asyncio.run(view.add("hues", data))
    assert "hues is loaded" in said
    until(lambda: "hues" in view.cameras()[0].answers)
    assert [each.name for each in view.models()] == ["colours", "hues"]
    assert "hues is unloaded" in asyncio.run(view.remove("hues"))
    until(lambda: "hues" not in view.cameras()[0].answers)
    assert [each.name for each in view.models()] == ["colours"]


def test_what_cannot_be_loaded_or_removed_is_said(view: WatcherView, tmp_path: Path) -> None:
    data = builders.zipped(builders.onnx_classifier(tmp_path / "hues"))
    with pytest.raises(ModelNameError, match="cannot be called"):
        asyncio.run(view.add("../hues", data))
    with pytest.raises(ModelNameError, match="colours"):
        asyncio.run(view.add("colours", data))
    with pytest.raises(ExportError):
        asyncio.run(view.add("hues", b"PK nothing"))
    with pytest.raises(ModelNameError, match="nowhere"):
        asyncio.run(view.remove("nowhere"))
    assert [each.name for each in view.models()] == ["colours"]


def test_a_model_that_fails_is_the_cameras_problem() -> None:
    def fails(_: np.ndarray) -> Prediction:
        raise RuntimeError("out of order")

    models = FakeModels(good=lambda _: classified("cat"), bad=fails)
    showing = Showing()
    camera = Camera(FakeSource([frame(0), frame(1)]), (Rule("good"), Rule("bad")))
    watcher = Watcher(models, [camera], sinks=[showing], threads=1)
    watcher.run()
    cameras = WatchedCameras(watcher, showing)
    (found,) = cameras.cameras()
    assert found.problem.startswith("bad: ")
    assert set(found.answers) == {"good"}
    assert set(cameras.latencies()) == {"good"}
    assert set(cameras.rates()) == {"good", "bad"}
