# SPDX-License-Identifier: Apache-2.0
"""Trunkline's own API, over a real connection: pictures in all wrappings, models in and out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import builders
from server.living import listening
from trunkline.server.assembly import assemble
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import trunkline
    from trunkline.server.context import Server

FORM = "multipart/form-data"
RED, LIME = builders.png_bytes("red"), builders.png_bytes("lime")


@pytest.fixture(scope="module")
def client(make_server: Callable[..., Server]) -> Iterator[httpx.Client]:
    with (
        listening(make_server(max_body_bytes=20_000)) as base,
        httpx.Client(base_url=base, timeout=20) as made,
    ):
        yield made


@pytest.fixture
def own(model_folder: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a server whose models may be changed: "hues", from a folder."""
    shutil.copytree(model_folder / "hues", tmp_path / "models" / "hues")
    settings = Settings(
        models=(str(tmp_path / "models"),),
        keys_file=tmp_path / "no-keys.json",
        max_models_body_bytes=9999,
    )
    server = assemble(settings)
    assert server.repository
    server.repository.scan()
    server.state.ready = True
    with listening(server) as base, httpx.Client(base_url=base, timeout=20) as made:
        yield made
    server.plane.close()


@pytest.fixture(scope="module")
def packed(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A zip of "colours"."""
    path = tmp_path_factory.mktemp("zips") / "colours"
    return Path(shutil.make_archive(str(path), "zip", model_folder / "colours")).read_bytes()


@pytest.mark.parametrize(
    "sent",
    [
        {"content": RED},
        {"content": RED, "headers": {"Content-Type": "image/png"}},
        {"files": {"imageData": ("a.png", RED)}},
    ],
    ids=["bare", "typed", "form"],
)
def test_every_model_answers_in_one_reply(
    client: httpx.Client, loaded: trunkline.ModelSet, sent: dict[str, object]
) -> None:
    reply = client.post("/predict", **sent)  # type: ignore[arg-type]
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["frame"] == ("a.png" if "files" in sent else "-")
    expected = {name: answer.to_dict() for name, answer in loaded.predict(RED).items()}
    assert reply.json()["predictions"] == expected


def test_a_request_is_narrowed_to_models(client: httpx.Client) -> None:
    for query in ("?models=hues,places", "?models=places&models=hues"):
        assert set(client.post(f"/predict{query}", content=RED).json()["predictions"]) == {
            "hues",
            "places",
        }
    assert client.post("/predict?models=nobody", content=RED).status_code == 404
    assert client.post("/predict?models=,", content=RED).status_code == 400


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b""}, 400, "BadRequestImageStream"),
        ({"content": b"no picture"}, 400, "BadRequestImageFormat"),
        ({"content": bytes(20_001)}, 413, "BadRequestImageSizeBytes"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/mixed"}}, 400, "BadRequest"),
        (
            {"content": b"--a--\r\n", "headers": {"Content-Type": "multipart/mixed; boundary=a"}},
            400,
            "BadRequestImageStream",
        ),
        (
            {
                "content": b"--a--\r\n",
                "headers": {"Content-Type": "multipart/form-data; boundary=a"},
            },
            400,
            "BadRequestImageStream",
        ),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    client: httpx.Client, sent: dict[str, object], status: int, code: str
) -> None:
    reply = client.post("/predict", **sent)  # type: ignore[arg-type]
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert (reply.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert len(problem["detail"].split()) > 4


def test_several_parts_are_lines_in_order(client: httpx.Client) -> None:
    files = [("file", ("a.png", RED)), ("file", ("b.txt", b"nothing")), ("file", ("c.png", LIME))]
    reply = client.post("/predict?models=colours", files=files)
    assert reply.headers["content-type"] == "application/x-ndjson"
    first, second, third = (json.loads(line) for line in reply.text.splitlines())
    assert (first["frame"], first["predictions"]["colours"]["label"]) == ("a.png", "red")
    assert (second["frame"], second["status"]) == ("b.txt", 400)
    assert second["error"]
    assert (third["frame"], third["predictions"]["colours"]["label"]) == ("c.png", "green")


def test_lines_come_for_one_part_where_they_are_asked_for(client: httpx.Client) -> None:
    reply = client.post(
        "/predict", files={"file": ("a.png", RED)}, headers={"Accept": "application/x-ndjson"}
    )
    assert [json.loads(line)["frame"] for line in reply.text.splitlines()] == ["a.png"]


def test_models_are_listed(client: httpx.Client, loaded: trunkline.ModelSet) -> None:
    models = {each["name"]: each for each in client.get("/models").json()["models"]}
    assert list(models) == list(loaded)
    colours = models["colours"]
    assert (colours["task"], colours["labels"]) == ("multiclass", ["red", "green", "blue"])
    assert (colours["state"], colours["published_name"], colours["format"]) == (
        "READY",
        "colours",
        loaded["colours"].format,
    )
    assert sorted(each["trunk"] for each in models.values()) == [1, 2, 3]
    full = client.get("/models/places").json()
    assert full["input"] == {
        "height": 16,
        "width": 16,
        "preset": full["input"]["preset"],
        "order": "RGB",
    }
    assert full["decisions"]
    assert client.get("/models/nobody").status_code == 404


def test_a_model_is_added_replaced_and_removed(own: httpx.Client, packed: bytes) -> None:
    added = own.post("/models/new", content=packed)
    assert (added.status_code, added.headers["location"]) == (201, "/models/new")
    assert not added.json()["kept"]
    assert "upload_folder" in added.json()["note"]
    assert "sha256" in added.json()["source"]
    assert set(own.post("/predict", content=RED).json()["predictions"]) == {"hues", "new"}
    assert own.post("/models/new", content=packed).status_code == 409
    assert own.put("/models/hues", files={"file": ("c.zip", packed)}).status_code == 200
    assert own.get("/models/hues").json()["task"] == "multiclass"
    removed = own.delete("/models/new").json()
    assert removed == {"name": "new", "removed": True, "note": "The model is gone."}
    assert own.delete("/models/new").status_code == 404
    assert list(own.post("/predict", content=RED).json()["predictions"]) == ["hues"]


def test_a_model_from_a_folder_is_only_unloaded(own: httpx.Client) -> None:
    removed = own.delete("/models/hues").json()
    assert not removed["removed"]
    assert "come" in removed["note"]
    listed = own.get("/models").json()
    assert listed["models"] == []
    assert [(each["name"], each["reason"]) for each in listed["failures"]] == [("hues", "unloaded")]
    assert "unloaded" in own.get("/models/hues").json()["detail"]
    assert own.post("/predict", content=RED).json()["predictions"] == {}


@pytest.mark.parametrize(
    ("name", "sent", "status", "word"),
    [
        ("new", {"content": b"PK nothing"}, 400, "zip"),
        ("new", {"content": b"nothing"}, 400, "neither a zip nor a model"),
        ("new", {"content": b""}, 400, "holds no model"),
        ("new", {"content": bytes(10_000)}, 413, "9,999"),
        ("new", {"files": {"file": ("cat.onnx", b"nothing")}}, 400, "cat.onnx"),
        (
            "new",
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
            400,
            "bound",
        ),
        (".hidden", {"content": b"x"}, 400, "called"),
        ("self", {"content": b"x"}, 400, "called"),
        ("a" * 129, {"content": b"x"}, 400, "called"),
    ],
)
def test_what_is_no_model_changes_nothing(
    own: httpx.Client, name: str, sent: dict[str, object], status: int, word: str
) -> None:
    for method in ("PUT", "POST"):
        reply = own.request(method, f"/models/{name}", **sent)  # type: ignore[arg-type]
        assert reply.status_code == status
        assert word in reply.json()["detail"]
        assert "/tmp" not in reply.text
    assert list(own.post("/predict", content=RED).json()["predictions"]) == ["hues"]


def test_a_zip_does_not_climb_out(own: httpx.Client, tmp_path: Path) -> None:
    climbing = builders.zip_of(
        tmp_path / "climbing.zip", {"../../escaped.txt": b"out", "model.onnx": b"x"}
    )
    reply = own.post("/models/new", content=climbing.read_bytes())
    assert reply.status_code == 400
    assert "climbs out" in reply.json()["detail"]
    bomb = builders.zip_bomb(tmp_path / "bomb.zip", 8 << 30)
    assert own.post("/models/new", content=bomb.read_bytes()).status_code == 400


def test_managing_needs_a_key_for_it(make_server: Callable[..., Server], tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, stored = make_key("camera", "predict")
    write_keys(path, (stored,))
    with listening(make_server(keys_file=path)) as base:
        sent = {"Prediction-Key": key}
        assert httpx.post(f"{base}/predict", content=RED).status_code == 401
        assert httpx.post(f"{base}/predict", content=RED, headers=sent).status_code == 200
        for method in ("POST", "PUT", "DELETE"):
            reply = httpx.request(method, f"{base}/models/hues", headers=sent)
            assert reply.status_code == 403
        assert httpx.get(f"{base}/openapi.json").status_code == 200


def test_docs_are_a_page_of_its_own(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "/models/{name}" in page.text
    assert client.get("/openapi.json").json()["openapi"] == "3.1.0"
