# SPDX-License-Identifier: Apache-2.0
"""The service's own prediction API: every form in which its clients ask, and its golden answers."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import builders
import trunkline
from server.asking import Reply, live, pictures, post, request
from trunkline.server import app as app_module
from trunkline.server import customvision, operating

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RED = builders.png_bytes("red")
PROJECT = "e3c7fd20-0c05-4c8c-886d-be4ea92e01c8"
PINNED = "64b822c5-8082-4b36-a426-27225f4aa18c"
BASE = f"/customvision/v3.1/prediction/{PROJECT}"
COLOURS = f"{BASE}/classify/iterations/colours"
PLACES = f"{BASE}/detect/iterations/places"
BINARY = "application/octet-stream"
JSON = "application/json"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with pictures({"/red.png": RED, "/words.png": b"words"}) as where:
        yield where


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, site: str) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("models")
    builders.openvino_classifier(folder / "colours")
    builders.onnx_classifier(folder / "hues", labels=("Negative", "grün", "blue"))
    builders.boxes_detector(folder / "places")
    builders.openvino_classifier(folder / "other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "_APIS", (operating, customvision))
        with live(
            trunkline.load(folder),
            folder,
            max_body_bytes=3_000_000,
            fetch={"allowed": True, "hosts": (site,)},
            projects={"other": {"project_id": PINNED, "published_name": "My Model"}},
        ) as where:
            yield where


def form(data: bytes, head: str) -> tuple[bytes, str]:
    """Return a multipart body of one part, and its type."""
    body = f"--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n--XX--"
    return body, "multipart/form-data; boundary=XX"


def error(reply: Reply, status: int) -> tuple[str, str]:
    """Return an error's code and message, after a look at its form."""
    assert reply.status == status
    document = reply.json()
    assert list(document) == ["code", "message"]
    return document["code"], document["message"]


# What comes back


def test_a_classification(base: str) -> None:
    reply = post(base, f"{COLOURS}/image", RED, BINARY, **{"Prediction-Key": "any"})
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    answer = reply.json()
    assert list(answer) == ["id", "project", "iteration", "created", "predictions"]
    assert answer["id"] == reply.headers["Request-Id"] == reply.headers["apim-request-id"]
    assert answer["project"] == PROJECT
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["created"])
    tags = answer["predictions"]
    assert [tag["tagName"] for tag in tags] == ["red", "green", "blue"]  # all of them, best first
    assert all(list(tag) == ["probability", "tagId", "tagName", "tagType"] for tag in tags)
    assert {tag["tagType"] for tag in tags} == {"Regular"}
    probabilities = [tag["probability"] for tag in tags]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.999 < probabilities[0] <= 1
    # As short as a float32 can be written, not as long as the float64 it becomes.
    assert all(
        len(repr(each).replace(".", "").split("e")[0].lstrip("0")) <= 9 for each in probabilities
    )


def test_a_detection(base: str) -> None:
    picture = builders.png_bytes("#ccff00")  # as red as 0.8 and as green as 1: two boxes
    tags = post(base, f"{PLACES}/image", picture, BINARY).json()["predictions"]
    assert [tag["tagName"] for tag in tags] == ["spoon", "fork"]
    assert [tag["probability"] for tag in tags] == [1.0, pytest.approx(0.8, abs=1e-6)]
    assert list(tags[0]) == ["probability", "tagId", "tagName", "boundingBox", "tagType"]
    assert tags[0]["boundingBox"] == {"left": 0.5, "top": 0.5, "width": 0.5, "height": 0.5}
    nothing = post(base, f"{PLACES}/image", builders.png_bytes("blue"), BINARY).json()
    assert nothing["predictions"] == []


def test_ids_stay_and_differ(base: str) -> None:
    first, second = (post(base, f"{COLOURS}/image", RED, BINARY).json() for _ in range(2))
    assert first["id"] != second["id"]
    assert first["iteration"] == second["iteration"]
    tags = [each["tagId"] for each in first["predictions"]]
    assert tags == [each["tagId"] for each in second["predictions"]]
    assert len(set(tags)) == 3
    detector = post(base, f"{PLACES}/image", RED, BINARY).json()
    assert detector["iteration"] != first["iteration"]


def test_the_types_of_tags(base: str) -> None:
    hues = "classify/iterations/hues/image"
    new = post(base, f"{BASE}/{hues}", RED, BINARY).json()["predictions"]
    assert {tag["tagName"]: tag["tagType"] for tag in new} == {
        "Negative": "Negative",
        "grün": "Regular",
        "blue": "Regular",
    }
    old = post(base, f"{BASE.replace('v3.1', 'v3.0')}/{hues}", RED, BINARY).json()["predictions"]
    assert [list(tag) for tag in old] == [["probability", "tagId", "tagName"]] * 3


def test_the_clients_own_request_id(base: str) -> None:
    own = str(uuid.uuid4())
    reply = post(base, f"{COLOURS}/image", RED, BINARY, **{"X-Request-Id": own})
    assert reply.json()["id"] == reply.headers["Request-Id"] == own
    odd = post(base, f"{COLOURS}/image", RED, BINARY, **{"X-Request-Id": "job-7"})
    assert uuid.UUID(odd.json()["id"]) == uuid.UUID(odd.headers["Request-Id"])
    assert odd.headers["X-Request-Id"] == "job-7"


@pytest.mark.parametrize("number", [30, 31])
def test_golden_shapes(base: str, shared: Path, number: int) -> None:
    """A recorded answer of the service has the same members and forms as ours."""
    golden = json.loads((shared / "api" / "golden_responses.json").read_text("utf-8"))[number]
    assert "url" in golden["req"]
    version = "v3.0" if "v3.0" in golden["req"] else "v3.1"
    path = COLOURS if "classify" in golden["req"] else PLACES
    ours = post(base, f"{path.replace('v3.1', version)}/image", RED, BINARY).json()
    assert shape(ours) == shape(golden["body"])


@pytest.mark.parametrize("operation", ["ClassifyImage", "DetectImageUrlWithNoStore"])
def test_openapi_shapes(base: str, shared: Path, operation: str) -> None:
    """Our members are among those of the specification, and its example's are among ours."""
    for version in ("v3.0", "v3.1"):
        folder = shared / "api" / "specs" / "Prediction" / "stable" / version
        models = json.loads((folder / "Prediction.json").read_text("utf-8-sig"))["definitions"]
        example = json.loads((folder / "examples" / f"{operation}.json").read_text("utf-8-sig"))
        path = COLOURS if operation.startswith("Classify") else PLACES
        ours = post(base, f"{path.replace('v3.1', version)}/image", RED, BINARY).json()
        body = example["responses"]["200"]["body"]
        assert set(ours) == set(models["ImagePrediction"]["properties"]) == set(body)
        for mine, theirs in zip(ours["predictions"], body["predictions"], strict=False):
            assert set(theirs) <= set(mine) <= set(models["Prediction"]["properties"])


def shape(value: Any) -> Any:
    """Return what kinds of values a document has where; of a list, its first one's."""
    match value:
        case dict():
            return {name: shape(each) for name, each in value.items()}
        case list():
            return [shape(value[0])]
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
            return "date"
        case str() if value == "..." or re.fullmatch(r"[0-9a-f-]{36}", value):
            return "id"
        case str() if value in ("Regular", "Negative"):
            return value
        case float() | int():
            return "number"
    return type(value).__name__


# The ways to ask


@pytest.mark.parametrize(
    "path",
    [
        f"{COLOURS}/image",
        f"{COLOURS}/image/nostore",
        f"{COLOURS}/image?application=mine",
        f"/{COLOURS}/image",
        f"//{COLOURS.replace('/', '//')}//image",
        f"{COLOURS}/image/",
        f"/customvision/v3.0/Prediction/{PROJECT.upper()}/classify/iterations/colours/image",
        f"/CustomVision/V3.1/PREDICTION/{PROJECT}/Classify/Iterations/colours/Image/NoStore",
        f"/customvision/v3.3/prediction/{PROJECT}/classify/iterations/Colours/image",
        "/customvision/v3.1/prediction/any/classify/iterations/colours/image",
        f"/customvision/v3.1/prediction/{PINNED}/classify/iterations/My%20Model/image",
    ],
)
def test_paths(base: str, path: str) -> None:
    reply = post(base, path, RED, BINARY)
    assert reply.status == 200
    assert reply.json()["predictions"][0]["tagName"] == "red"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (RED, BINARY),
        (RED, ""),
        (RED, "image/png"),
        (RED, "application/x-www-form-urlencoded"),
        form(RED, 'name="imageData"'),
        form(RED, 'name="imageData"; filename="a.png"'),
        form(RED, 'name="file"; filename="a.png"'),
        form(builders.png_bytes("red", (1500, 600)), 'name="imageData"'),
    ],
)
def test_bodies(base: str, body: bytes, content_type: str) -> None:
    for path in (COLOURS, PLACES):
        reply = post(base, f"{path}/image", body, content_type)
        assert reply.status == 200
        assert reply.json()["predictions"][0]["tagName"] in ("red", "fork")


@pytest.mark.parametrize("member", ["url", "Url", "URL"])
@pytest.mark.parametrize("path", [COLOURS, PLACES])
@pytest.mark.parametrize("store", ["", "/nostore"])
def test_urls(base: str, site: str, path: str, member: str, store: str) -> None:
    body = json.dumps({"other": 1, member: f" http://{site}/red.png "}).encode()
    reply = post(base, f"{path}/url{store}", body, JSON)
    assert reply.status == 200
    assert reply.json()["predictions"][0]["tagName"] in ("red", "fork")


def test_a_url_as_powershell_writes_it(base: str, site: str) -> None:
    body = json.dumps({"Url": f"http://{site}/red.png"})
    for encoding in ("utf-8-sig", "utf-16"):
        assert post(base, f"{COLOURS}/url", body.encode(encoding)).status == 200


# What goes wrong


def _codes(shared: Path) -> set[str]:
    path = shared / "api/specs/Prediction/stable/v3.1/Prediction.json"
    models = json.loads(path.read_text("utf-8-sig"))["definitions"]
    return set(models["CustomVisionError"]["properties"]["code"]["enum"])


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "words"),
    [
        (f"{COLOURS}/image", b"", 400, "BadRequestImageStream", "no picture"),
        (f"{COLOURS}/image", b"words", 400, "BadRequestImageFormat", ""),
        (f"{COLOURS}/image", RED[:60], 400, "BadRequestImageFormat", ""),
        (f"{COLOURS}/image", bytes(3_000_001), 413, "BadRequestImageSizeBytes", "3,000,000"),
        (f"{COLOURS}/url", b"", 400, "BadRequest", "not JSON"),
        (f"{COLOURS}/url", RED, 400, "BadRequest", "not JSON"),
        (f"{COLOURS}/url", b"[" * 60_000, 400, "BadRequest", "not JSON"),
        (f"{COLOURS}/url", b"{}", 400, "BadRequestRequiredParamIsNull", "no url"),
        (f"{COLOURS}/url", b"[]", 400, "BadRequestRequiredParamIsNull", "no url"),
        (f"{COLOURS}/url", b'{"url": null}', 400, "BadRequestRequiredParamIsNull", "no url"),
        (f"{COLOURS}/url", b'{"url": 7}', 400, "BadRequestRequiredParamIsNull", "no url"),
        (f"{COLOURS}/url", b'{"url": "a.png"}', 400, "BadRequestImageUrl", "http"),
        (f"{COLOURS}/url", b'{"url": "http://10.0.0.1/"}', 400, "BadRequestImageUrl", "listed"),
        (
            f"{BASE}/classify/iterations/none/image",
            RED,
            404,
            "NotFoundIteration",
            "Invalid iteration",
        ),
        (f"{BASE}/classify/iterations/none/url", b'{"url": "x"}', 404, "NotFoundIteration", "none"),
        (f"{BASE}/classify/iterations/My%20Model/image", RED, 404, "NotFoundProject", PROJECT),
        (f"{BASE}/detect/iterations/colours/image", RED, 400, "BadRequest", "Invalid project type"),
        (f"{BASE}/classify/iterations/places/image", RED, 400, "BadRequest", "use /detect/"),
        (f"{BASE}/classify/colours/image", RED, 404, "NotFound", ""),
        (f"{COLOURS}/picture", RED, 404, "NotFound", ""),
    ],
)
def test_errors(
    base: str, shared: Path, path: str, body: bytes, status: int, code: str, words: str
) -> None:
    found, message = error(post(base, path, body), status)
    assert found == code
    assert found in _codes(shared)
    assert words in message


def test_a_url_that_holds_no_picture(base: str, site: str) -> None:
    for name, code in (("gone.png", "BadRequestImageUrl"), ("words.png", "BadRequestImageFormat")):
        body = json.dumps({"url": f"http://{site}/{name}"}).encode()
        assert error(post(base, f"{COLOURS}/url", body, JSON), 400)[0] == code


def test_a_form_that_is_broken(base: str) -> None:
    body, content_type = form(RED, 'name="imageData"')
    code, message = error(post(base, f"{COLOURS}/image", body[:-9], content_type), 400)
    assert code == "BadRequestImageStream"
    assert "ends before" in message
    code, message = error(post(base, f"{COLOURS}/image", body, "multipart/form-data"), 400)
    assert "names no boundary" in message


def test_only_post(base: str) -> None:
    reply = request("GET", base, f"{COLOURS}/image")
    assert reply.status == 405
    assert list(reply.json()) == ["code", "message"]


def test_fetching_is_off_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_APIS", (customvision,))
    models = trunkline.load(builders.openvino_classifier(tmp_path / "colours"))
    with live(models, tmp_path) as where:
        reply = post(where, f"{COLOURS}/url", b'{"url": "http://127.0.0.1/"}')
        assert error(reply, 400)[0] == "BadRequestOperationNotSupported"
