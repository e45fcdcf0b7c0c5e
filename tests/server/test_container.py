# SPDX-License-Identifier: Apache-2.0
"""The exported container's interface: its answers to the letter, without its faults."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from server.asking import live, pictures, post, request
from trunkline.server import app as app_module
from trunkline.server import container, customvision

if TYPE_CHECKING:
    from collections.abc import Iterator

RED = builders.png_bytes("red")
FORM = "multipart/form-data; boundary=XX"
PROJECT = "64b822c5-8082-4b36-a426-27225f4aa18c"


@pytest.fixture(scope="module", autouse=True)
def apis() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "_APIS", (customvision, container))
        yield


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with pictures({"/red.png": RED, "/words.png": b"words"}) as where:
        yield where


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory, site: str) -> Iterator[str]:
    """A server with one model, as a container has one."""
    folder = tmp_path_factory.mktemp("single")
    models = trunkline.load(builders.openvino_classifier(folder / "colours"))
    fetch = {"allowed": True, "hosts": (site,)}
    with live(models, folder, max_body_bytes=100_000, fetch=fetch) as where:
        yield where


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("several")
    builders.openvino_classifier(folder / "Colours")
    builders.onnx_classifier(folder / "colours")
    builders.boxes_detector(folder / "places")
    projects = {"places": {"project_id": PROJECT, "published_name": "Where"}}
    models = trunkline.load(folder)
    with live(models, folder, projects=projects) as where:
        yield where


def form(head: str) -> bytes:
    return f"--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + RED + b"\r\n--XX--"


def test_the_greeting(single: str) -> None:
    reply = request("GET", single, "/")
    assert (reply.status, reply.body) == (200, b"CustomVision.ai model host harness")
    assert reply.headers["Content-Type"].startswith("text/plain")


def test_a_classification(single: str) -> None:
    reply = post(single, "/image", builders.png_bytes("lime"), "application/octet-stream")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    answer = reply.json()
    created = answer.pop("created")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?", created)  # no Z
    tags = answer.pop("predictions")
    assert answer == {"id": "", "project": "", "iteration": ""}
    assert [tag["tagName"] for tag in tags] == ["red", "green", "blue"]  # in the labels' order
    assert [list(tag) for tag in tags] == [["tagName", "probability", "tagId", "boundingBox"]] * 3
    assert [(tag["tagId"], tag["boundingBox"]) for tag in tags] == [("", None)] * 3
    probabilities = [tag["probability"] for tag in tags]
    assert probabilities == [round(each, 8) for each in probabilities]
    assert probabilities[1] > 0.999


def test_a_detection(several: str) -> None:
    picture = builders.png_bytes("#cccc00")
    tags = post(several, "/where/image", picture).json()["predictions"]
    assert {(tag["tagName"], tag["tagId"]) for tag in tags} == {("fork", 0), ("spoon", 1)}
    for tag in tags:
        assert tag["probability"] == pytest.approx(0.8, abs=1e-6)
        assert list(tag["boundingBox"]) == ["left", "top", "width", "height"]
        assert tag["boundingBox"]["width"] == 0.5


@pytest.mark.parametrize(
    "path",
    [
        "/image",
        "/Image/",
        "//image",
        "/any/image",
        "/any/image/nostore",
        f"/{PROJECT}/classify/iterations/any/image",
        "/any/classify/iterations/any%20one/image/nostore",
        "/any/Detect/Iterations/any/image",  # a container does not look at the word
    ],
)
def test_one_model_takes_every_path(single: str, path: str) -> None:
    reply = post(single, path, RED)
    assert reply.status == 200
    assert reply.json()["predictions"][0]["probability"] > 0.999


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (RED, ""),
        (RED, "application/octet-stream"),
        (RED, "image/png"),
        (form('name="imageData"; filename="a.png"'), FORM),
        (form('name="imageData"'), FORM),  # a container fails here
    ],
)
def test_bodies(single: str, body: bytes, content_type: str) -> None:
    assert post(single, "/image", body, content_type).status == 200


@pytest.mark.parametrize(
    "path", ["/url", "/any/url", "/any/url/nostore", "/a/classify/iterations/b/url"]
)
@pytest.mark.parametrize("member", ["url", "Url"])
def test_urls(single: str, site: str, path: str, member: str) -> None:
    body = json.dumps({member: f"http://{site}/red.png"}).encode()
    reply = post(single, path, body, "application/json")
    assert reply.status == 200
    assert reply.json()["predictions"][0]["probability"] > 0.999


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/image", b"", 400, "no picture"),
        ("/image", b"words", 400, ""),
        ("/image", bytes(100_001), 413, "100,000"),
        ("/url", b"{}", 400, "names no url"),
        ("/url", b'{"url": "http://SITE/gone.png"}', 400, "status 404"),
        ("/url", b'{"url": "http://SITE/words.png"}', 400, ""),
        ("/url", b'{"url": "http://127.0.0.1:1/"}', 400, "listed"),
    ],
)
def test_faults_are_told(
    single: str, site: str, path: str, body: bytes, status: int, words: str
) -> None:
    reply = post(single, path, body.replace(b"SITE", site.encode()))
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert words in reply.body.decode()
    assert len(reply.body) > 20


@pytest.mark.parametrize(
    ("path", "task"),
    [
        ("/Colours/image", "multiclass"),
        ("/colours/image", "multilabel"),
        ("/COLOURS/image", "multiclass"),  # the first that is alike
        ("/where/image", "detection"),
        (f"/{PROJECT.upper()}/image", "detection"),
        ("/any/classify/iterations/colours/image", "multilabel"),
        ("/any/detect/iterations/Where/image/nostore", "detection"),
    ],
)
def test_the_path_says_which_of_several(several: str, path: str, task: str) -> None:
    picture = builders.png_bytes("yellow")  # red and green: a multiclass head is torn
    reply = post(several, path, picture)
    assert reply.status == 200
    tags = reply.json()["predictions"]
    if task == "detection":
        assert [tag["tagId"] for tag in tags] == [0, 1]
    else:
        total = sum(tag["probability"] for tag in tags)
        assert total == pytest.approx(1.0 if task == "multiclass" else 2.0, abs=0.01)


def test_several_models_and_no_name(several: str) -> None:
    reply = post(several, "/image", RED)
    assert reply.status == 400
    assert reply.body.decode() == (
        "There are 3 models here; say which in the path, as in /NAME/image. "
        "Models: Colours, colours, Where."
    )
    unknown = post(several, "/any/classify/iterations/none/image", RED)
    assert unknown.status == 404
    assert "No model is called 'none'. Models: Colours, colours, Where." in unknown.body.decode()


def test_the_services_own_routes_are_not_taken(several: str) -> None:
    path = "/customvision/v3.1/prediction/any/classify/iterations/none/image"
    reply = post(several, path, RED)
    assert reply.status == 404
    assert reply.json()["code"] == "NotFoundIteration"
