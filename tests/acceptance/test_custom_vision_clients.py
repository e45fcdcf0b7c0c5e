# SPDX-License-Identifier: Apache-2.0
"""The service's official clients, unmodified, against a server as a person starts it."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import pytest
from azure.cognitiveservices.vision.customvision.prediction import CustomVisionPredictionClient
from azure.cognitiveservices.vision.customvision.prediction.models import (
    CustomVisionErrorException,
    ImagePrediction,
)
from msrest.authentication import ApiKeyCredentials

import builders
import trunkline
from packages import from_npm
from server.asking import pictures, post
from server.living import Process
from trunkline.server.keyfile import make_key, write_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.predictions import Prediction

PROJECT = "64b822c5-8082-4b36-a426-27225f4aa18c"
JAVASCRIPT = "@azure/cognitiveservices-customvision-prediction@5.1.2"
SCRIPT = Path(__file__).with_name("custom_vision_client.cjs")
PICTURE = builders.png_bytes("#cc3300")
STORES = "", "_with_no_store"


class Served(NamedTuple):
    """A server, a key for it, a picture's url that it may fetch, and what it is to answer."""

    endpoint: str
    key: str
    url: str
    answers: dict[str, Prediction]


def noisy_picture() -> bytes:
    """Return a PNG of two megabytes.

    That is more than the one at which web frameworks cut off a part without a filename.
    """
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(7).integers(0, 256, (800, 900, 3), np.uint8)
    noise[..., 0] |= 0xC0  # more red than anything else
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def picture() -> bytes:
    made = noisy_picture()
    assert 1_500_000 < len(made) < 4_000_000
    return made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, picture: bytes) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    builders.openvino_classifier(folder / "models" / "my colours")
    builders.boxes_detector(folder / "models" / "places")
    key, stored = make_key("tests", "predict")
    write_keys(folder / "keys.json", (stored,))
    answers = dict(trunkline.load(folder / "models").predict(picture))
    with pictures({"/a%20picture.png": picture}) as site:
        fetch = {"TRUNKLINE_FETCH__ALLOWED": "true", "TRUNKLINE_FETCH__HOSTS": site}
        options = "--grpc-port", "off", "--keys-file", folder / "keys.json"
        with Process(folder, *options, folder / "models", environment=fetch) as process:
            url = f"http://{site}/a%20picture.png"
            yield Served(process.ready(), key, url, answers)


def check(found: dict[str, Any], expected: Prediction) -> None:
    """See that an answer, in the service's members, says what the model says."""
    assert UUID(found["project"]) == UUID(PROJECT)
    assert UUID(found["id"]) != UUID(found["iteration"])
    tags = {tag["tagName"]: tag for tag in found["predictions"]}
    assert all(UUID(tag["tagId"]) and tag["tagType"] == "Regular" for tag in tags.values())
    if isinstance(expected, trunkline.Classification):
        assert {name: tag["probability"] for name, tag in tags.items()} == pytest.approx(
            dict(zip(expected.labels, map(float, expected.probabilities), strict=True)), abs=1e-6
        )
        assert found["predictions"][0]["tagName"] == expected.label
        assert all(tag.get("boundingBox") is None for tag in tags.values())
        return
    assert len(found["predictions"]) == len(expected.boxes) > 1
    for box in expected.boxes:
        tag = tags[box.label]
        assert tag["probability"] == pytest.approx(box.probability, abs=1e-6)
        assert tag["boundingBox"] == pytest.approx(
            {"left": box.left, "top": box.top, "width": box.width, "height": box.height}, abs=1e-6
        )


# Python


@pytest.fixture(params=["", "/"], ids=["endpoint", "endpoint with a slash"])
def client(
    served: Served, request: pytest.FixtureRequest
) -> Iterator[CustomVisionPredictionClient]:
    credentials = ApiKeyCredentials(in_headers={"Prediction-key": served.key})
    with CustomVisionPredictionClient(served.endpoint + request.param, credentials) as made:
        yield made


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(("verb", "model"), [("classify", "my colours"), ("detect", "places")])
@pytest.mark.parametrize("kind", ["bytes", "file", "url"])
def test_python(
    client: CustomVisionPredictionClient,
    served: Served,
    picture: bytes,
    tmp_path: Path,
    verb: str,
    model: str,
    kind: str,
    store: str,
) -> None:
    ask = getattr(client, f"{verb}_image{'_url' if kind == 'url' else ''}{store}")
    if kind == "url":
        answer = ask(PROJECT, model, served.url)
    elif kind == "bytes":
        answer = ask(PROJECT, model, picture)
    else:
        (tmp_path / "a picture.png").write_bytes(picture)
        with (tmp_path / "a picture.png").open("rb") as file:
            answer = ask(PROJECT, model, file)
    assert isinstance(answer, ImagePrediction)
    assert answer.created.tzinfo is not None
    check(answer.serialize(keep_readonly=True), served.answers[model])


def test_python_is_told_what_is_wrong(client: CustomVisionPredictionClient, served: Served) -> None:
    for ask, name, code, words in (
        (client.classify_image, "nothing", "NotFoundIteration", "Invalid iteration"),
        (client.detect_image, "my colours", "BadRequest", "Invalid project type for operation"),
    ):
        with pytest.raises(CustomVisionErrorException) as caught:
            ask(PROJECT, name, PICTURE)
        assert caught.value.error.code == code
        assert words in str(caught.value)
    with pytest.raises(CustomVisionErrorException) as caught:
        client.classify_image(PROJECT, "my colours", b"words")
    assert caught.value.error.code == "BadRequestImageFormat"
    with pytest.raises(CustomVisionErrorException) as caught:
        client.classify_image_url(PROJECT, "my colours", "http://169.254.169.254/")
    assert caught.value.error.code == "BadRequestImageUrl"


def test_python_with_a_wrong_key(served: Served) -> None:
    credentials = ApiKeyCredentials(in_headers={"Prediction-key": "wrong"})
    with (
        CustomVisionPredictionClient(served.endpoint, credentials) as client,
        pytest.raises(CustomVisionErrorException) as caught,
    ):
        client.classify_image(PROJECT, "my colours", PICTURE)
    assert caught.value.response.status_code == 401
    assert caught.value.error.code == "Unauthorized"


def test_python_with_real_exports_and_pictures(shared: Path, tmp_path: Path) -> None:
    """The answers through the service's client are those of the models, one by one."""
    names = "fruit-4", "hotdog-container", "meter-container-2025"
    exports = [shared / "models" / name for name in names]
    files = sorted((shared / "pictures" / "fruit").glob("*.jpg"))[:3]
    alone = {name: trunkline.load(export) for name, export in zip(names, exports, strict=True)}
    key = ApiKeyCredentials(in_headers={"Prediction-key": "any"})
    options = "--grpc-port", "off", "--keys-file", tmp_path / "none.json"
    with (
        Process(tmp_path, *options, *exports) as process,
        CustomVisionPredictionClient(process.ready(), key) as client,
    ):
        for file in files:
            for name, models in alone.items():
                (expected,) = models.predict(file).values()
                answer = client.classify_image(PROJECT, name, file.read_bytes())
                check(answer.serialize(keep_readonly=True), expected)


# JavaScript


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which npm has put the client."""
    return from_npm(tmp_path_factory.mktemp("javascript"), JAVASCRIPT)


def test_javascript(served: Served, picture: bytes, packages: Path, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(picture)
    names = PROJECT, "my colours", "places"
    arguments = served.endpoint, served.key, *names, tmp_path / "picture.png", served.url
    done = subprocess.run(
        ["node", SCRIPT, *arguments], cwd=packages, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    wrong = answers.pop("error")
    assert wrong["status"] == 404
    assert wrong["body"]["code"] == "NotFoundIteration"
    assert len(answers) == 9
    for operation, answer in answers.items():
        model = "places" if operation.startswith("detect") else "my colours"
        check(answer, served.answers[model])


# The container's callers


def test_what_called_the_container(served: Served, picture: bytes) -> None:
    """As the IoT Edge sample and irisml do: the bytes, posted to /image."""
    header = {"Prediction-Key": served.key}
    path = "/any/classify/iterations/my%20colours/image"
    reply = post(served.endpoint, path, picture, "application/octet-stream", **header)
    assert reply.status == 200
    expected = served.answers["my colours"]
    assert isinstance(expected, trunkline.Classification)
    assert [tag["tagName"] for tag in reply.json()["predictions"]] == list(expected.labels)
    assert post(served.endpoint, "/image", picture, **header).status == 400
