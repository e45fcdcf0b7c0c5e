# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from trunkline.errors import TrunklineError
from trunkline.page.view import CameraView, EventView, PictureView, View
from trunkline.predictions import Classification
from trunkline.server.assembly import assemble
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.liveview import ServerView
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from trunkline.server.context import Server

    Make = Callable[..., tuple[Server, ServerView]]

CAMERA = CameraView("door", "running", "", 5.0, 0.01, 9, {}, {}, 3)
EVENT = EventView(4, 1.5, "door", "colours", "red", "begin", 0.9)
PICTURE = PictureView(3, b"jpeg", 60, 40, {})


class FakeCameras:
    """One camera, which one model watches."""

    def cameras(self) -> Sequence[CameraView]:
        return [CAMERA]

    def rates(self) -> Mapping[str, float]:
        return {"colours": 5.0}

    def latencies(self) -> Mapping[str, float]:
        return {"colours": 0.01}

    def events(self, after: int) -> Sequence[EventView]:
        return [EVENT] if after < EVENT.serial else []

    async def picture(self, camera: str) -> PictureView | None:
        return PICTURE if camera == "door" else None

    def start(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a server of the model "colours" with these settings, and its view."""
    made: list[Server] = []

    def view(cameras: object = None, **settings: object) -> tuple[Server, ServerView]:
        models = trunkline.load(builders.openvino_classifier(tmp_path / "colours"))
        given = {"keys_file": tmp_path / "none.json", **settings}
        watched = (lambda _: cameras) if cameras else None
        server = assemble(Settings.model_validate(given), models, watched)  # type: ignore[arg-type]
        made.append(server)
        return server, ServerView(server)

    yield view
    for server in made:
        server.plane.close()


def test_a_server_without_cameras(make: Make) -> None:
    _, view = make()
    whole: View = view
    assert whole.title == f"Trunkline on {socket.gethostname()}"
    assert whole.may_manage
    assert not whole.cameras()
    assert not whole.events(-1)
    assert asyncio.run(whole.picture("door")) is None
    (model,) = whole.models()
    assert (model.name, model.rate, model.latency) == ("colours", 0.0, None)


def test_with_keys_the_machines_name_is_not_told(make: Make, tmp_path: Path) -> None:
    write_keys(tmp_path / "keys.json", (make_key("laptop", "manage")[1],))
    _, view = make(keys_file=tmp_path / "keys.json")
    assert view.title == "Trunkline"


def test_a_server_with_cameras(make: Make) -> None:
    _, view = make(FakeCameras())
    assert view.cameras() == [CAMERA]
    assert view.events(-1) == [EVENT]
    assert view.events(4) == []
    assert asyncio.run(view.picture("door")) is PICTURE
    (model,) = view.models()
    assert (model.rate, model.latency) == (5.0, 0.01)


@pytest.mark.parametrize(
    ("asked", "spent", "rate", "latency"),
    [(0, 0.0, 5.0, 0.01), (5, 0.07, 10.0, 0.04), (15, 0.03, 20.0, 0.025)],
)
def test_what_requests_and_cameras_ask_is_one(
    asked: float, spent: float, rate: float, latency: float, make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _, view = make(FakeCameras())
    found = ({"colours": asked}, {"colours": spent}) if asked else ({}, {})
    monkeypatch.setattr(view._recent, "look", lambda _: found)
    (model,) = view.models()
    assert (model.rate, model.latency) == (rate, pytest.approx(latency))


def test_cameras_that_have_ended_tell_how_it_was(make: Make) -> None:
    class Ended(FakeCameras):
        def rates(self) -> Mapping[str, float]:
            return {"colours": 0.0}

    _, view = make(Ended())
    (model,) = view.models()
    assert (model.rate, model.latency) == (0.0, 0.01)


def test_a_picture_is_answered_as_any_request(make: Make) -> None:
    server, view = make()
    answer = asyncio.run(view.predict(builders.png_bytes("red")))["colours"]
    assert isinstance(answer, Classification)
    assert answer.label == "red"
    assert server.plane.tally.of("colours").answered == 1
    assert server.state.inside == 0


def test_a_picture_that_is_not_answered_is_told_why(make: Make) -> None:
    server, view = make(max_body_bytes=100)
    with pytest.raises(TrunklineError, match="picture"):
        asyncio.run(view.predict(b"no picture"))
    with pytest.raises(TrunklineError, match="at most 100 are allowed"):
        asyncio.run(view.predict(bytes(101)))
    server.plane.draining = True
    with pytest.raises(TrunklineError, match="about to stop"):
        asyncio.run(view.predict(b"a picture"))
    server.state.inside = server.places
    with pytest.raises(TrunklineError, match="Too many requests"):
        asyncio.run(view.predict(b"a picture"))


def test_a_model_comes_and_goes(make: Make, tmp_path: Path) -> None:
    server, view = make()
    data = builders.zipped(builders.onnx_classifier(tmp_path / "hues"))
    assert "in memory alone" in asyncio.run(view.add("hues", data))
    assert [each.name for each in view.models()] == ["colours", "hues"]
    assert asyncio.run(view.remove("hues")) == "The model is gone."
    assert list(server.plane.models) == ["colours"]


def test_a_model_is_kept_where_the_settings_say_so(make: Make, tmp_path: Path) -> None:
    _, view = make(upload_folder=tmp_path / "uploads")
    data = builders.zipped(builders.onnx_classifier(tmp_path / "hues"))
    assert "is kept" in asyncio.run(view.add("hues", data))
    assert (tmp_path / "uploads" / "hues.zip").read_bytes() == data
    asyncio.run(view.remove("hues"))
    assert not (tmp_path / "uploads" / "hues.zip").exists()


def test_what_cannot_be_added_or_removed_is_told(make: Make, tmp_path: Path) -> None:
    server, view = make(max_models_body_bytes=100_000)
    data = builders.zipped(builders.onnx_classifier(tmp_path / "hues"))
    with pytest.raises(TrunklineError, match="remove it first"):
        asyncio.run(view.add("colours", data))
    with pytest.raises(TrunklineError, match="cannot be called"):
        asyncio.run(view.add("../hues", data))
    with pytest.raises(TrunklineError):
        asyncio.run(view.add("hues", b"PK nothing"))
    with pytest.raises(TrunklineError, match="at most 100000"):
        asyncio.run(view.add("hues", bytes(100_001)))
    with pytest.raises(TrunklineError, match="there is none"):
        asyncio.run(view.remove("hues"))
    assert list(server.plane.models) == ["colours"]
