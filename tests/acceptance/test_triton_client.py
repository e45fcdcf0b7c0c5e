# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own clients, unmodified: they get what ``predict`` answers."""

from __future__ import annotations

import asyncio
import queue
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.grpc.aio as triton_grpc_aio
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

import builders
import trunkline
from openprotocol import listening_twice
from trunkline.images import read_picture, to_tensor
from trunkline.server.assembly import assemble
from trunkline.server.repository import Repository
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from openprotocol import Addresses

PICTURES = [builders.png_bytes(colour) for colour in ("red", "lime", "blue", (200, 90, 10))]


@pytest.fixture(scope="module")
def models() -> trunkline.ModelSet:
    return trunkline.ModelSet()


@pytest.fixture(scope="module")
def addresses(
    models: trunkline.ModelSet, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    home = tmp_path_factory.mktemp("triton")
    builders.openvino_classifier(home / "models" / "colours")
    builders.onnx_classifier(home / "models" / "hues")
    builders.boxes_detector(home / "models" / "places")
    server = assemble(Settings(keys_file=home / "keys.json", grpc_port=0), models)
    repository = Repository(models, [str(home / "models")], server.settings)
    repository.scan()
    server.state.ready = True
    with listening_twice(replace(server, repository=repository)) as found:
        yield found
    server.plane.close()


@pytest.fixture(params=["http", "grpc"])
def client(request: pytest.FixtureRequest, addresses: Addresses) -> Iterator[Any]:
    kind = triton_http if request.param == "http" else triton_grpc
    made = kind.InferenceServerClient(getattr(addresses, request.param))
    yield made
    made.close()


def of(client: object) -> ModuleType:
    """Return the module that a client is of, whose inputs and outputs it takes."""
    return triton_http if "http" in type(client).__module__ else triton_grpc


def plain(answer: Any) -> Any:
    """Return what a client says about a model as plain values."""
    from google.protobuf import json_format

    if isinstance(answer, dict | list):
        return answer
    return json_format.MessageToDict(answer, preserving_proto_field_name=True)


def encoded(client: object, *pictures: bytes) -> Any:
    data = np.array(pictures, np.object_)
    sent = of(client).InferInput("image", list(data.shape), "BYTES")
    sent.set_data_from_numpy(data)
    return sent


def tensor_of(client: object, array: np.ndarray, name: str = "tensor") -> Any:
    sent = of(client).InferInput(name, list(array.shape), "UINT8" if name == "image" else "FP32")
    sent.set_data_from_numpy(array)
    return sent


def expected(models: trunkline.ModelSet, name: str) -> np.ndarray:
    return np.stack([models.predict(each)[name].probabilities for each in PICTURES])


@pytest.mark.parametrize("name", ["colours", "hues"])
def test_encoded_pictures(client: Any, models: trunkline.ModelSet, name: str) -> None:
    result = client.infer(name, [encoded(client, *PICTURES)], request_id="r7")
    np.testing.assert_array_equal(result.as_numpy("probabilities"), expected(models, name))
    assert result.as_numpy("labels").tolist() == [b"red", b"green", b"blue"]
    said = plain(result.get_response())
    assert (said["id"], said["model_name"], said["model_version"]) == ("r7", name, "1")
    one = client.infer(name, [encoded(client, PICTURES[3])], model_version="1")
    np.testing.assert_array_equal(one.as_numpy("probabilities"), expected(models, name)[3:])


@pytest.mark.parametrize("name", ["colours", "hues"])
def test_ready_tensors(client: Any, models: trunkline.ModelSet, name: str) -> None:
    contract = models[name].contract
    made = np.concatenate([to_tensor(read_picture(each), contract) for each in PICTURES])
    spec = next(
        i for i in plain(client.get_model_metadata(name))["inputs"] if i["name"] == "tensor"
    )
    assert spec["datatype"] == "FP32"
    assert list(map(int, spec["shape"]))[1:] == list(made.shape[1:])
    result = client.infer(name, [tensor_of(client, made)])
    np.testing.assert_array_equal(result.as_numpy("probabilities"), expected(models, name))


def test_pixels(client: Any, models: trunkline.ModelSet) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (1, 30, 20, 3), np.uint8)
    result = client.infer("colours", [tensor_of(client, pixels, "image")])
    answer = models.predict(pixels[0])["colours"].probabilities
    np.testing.assert_array_equal(result.as_numpy("probabilities")[0], answer)


def test_boxes(client: Any, models: trunkline.ModelSet) -> None:
    result = client.infer("places", [encoded(client, *PICTURES)])
    boxes = [box for each in PICTURES for box in models.predict(each)["places"].boxes]
    assert len(boxes) >= 3
    corners = [(b.left, b.top, b.left + b.width, b.top + b.height) for b in boxes]
    np.testing.assert_array_equal(result.as_numpy("boxes"), np.array(corners, np.float32))
    np.testing.assert_array_equal(
        result.as_numpy("scores"), np.array([b.probability for b in boxes], np.float32)
    )
    names = result.as_numpy("labels")[result.as_numpy("classes")]
    assert [each.decode() for each in names] == [box.label for box in boxes]
    assert result.as_numpy("counts").sum() == len(boxes)
    nothing = client.infer("places", [encoded(client, builders.png_bytes("black"))])
    assert nothing.as_numpy("boxes").shape == (0, 4)


def test_wanted_outputs(client: Any, models: trunkline.ModelSet) -> None:
    wanted = of(client).InferRequestedOutput
    result = client.infer(
        "colours", [encoded(client, PICTURES[3])], outputs=[wanted("probabilities", class_count=2)]
    )
    answer = models.predict(PICTURES[3])["colours"]
    first = result.as_numpy("probabilities")[0][0].decode().split(":")
    assert first[1:] == [str(answer.labels.index(answer.label)), answer.label]
    assert float(first[0]) == pytest.approx(answer.probability, abs=1e-6)
    assert result.as_numpy("labels") is None


@pytest.mark.parametrize("encoding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_compression_and_json(
    addresses: Addresses, models: trunkline.ModelSet, encoding: str | None, binary: bool
) -> None:
    client = triton_http.InferenceServerClient(addresses.http)
    made = np.concatenate(
        [to_tensor(read_picture(each), models["colours"].contract) for each in PICTURES]
    )
    sent = triton_http.InferInput("tensor", list(made.shape), "FP32")
    sent.set_data_from_numpy(made, binary_data=binary)
    wanted = [
        triton_http.InferRequestedOutput("probabilities", binary_data=binary),
        triton_http.InferRequestedOutput("labels", binary_data=not binary),
    ]
    result = client.infer(
        "colours",
        [sent],
        outputs=wanted,
        request_compression_algorithm=encoding,
        response_compression_algorithm=encoding,
    )
    np.testing.assert_array_equal(result.as_numpy("probabilities"), expected(models, "colours"))
    assert result.as_numpy("labels").tolist() in (
        [b"red", b"green", b"blue"],
        ["red", "green", "blue"],
    )
    client.close()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compression_over_grpc(addresses: Addresses, encoding: str) -> None:
    client = triton_grpc.InferenceServerClient(addresses.grpc)
    pictures = encoded(client, *PICTURES)
    result = client.infer("hues", [pictures], compression_algorithm=encoding)
    assert result.as_numpy("probabilities").shape == (4, 3)
    client.close()


def test_many_at_once(addresses: Addresses, models: trunkline.ModelSet) -> None:
    client = triton_http.InferenceServerClient(addresses.http, concurrency=4)
    pending = [client.async_infer("hues", [encoded(client, *PICTURES)]) for _ in range(12)]
    for each in pending:
        np.testing.assert_array_equal(
            each.get_result().as_numpy("probabilities"), expected(models, "hues")
        )
    client.close()


def test_many_at_once_over_grpc(addresses: Addresses, models: trunkline.ModelSet) -> None:
    client = triton_grpc.InferenceServerClient(addresses.grpc)
    came: queue.Queue[Any] = queue.Queue()
    for _ in range(12):
        client.async_infer(
            "hues",
            [encoded(client, *PICTURES)],
            callback=lambda result, error: came.put(error or result),
        )
    for _ in range(12):
        result = came.get(timeout=30)
        np.testing.assert_array_equal(result.as_numpy("probabilities"), expected(models, "hues"))
    client.close()


def test_a_stream(addresses: Addresses, models: trunkline.ModelSet) -> None:
    client = triton_grpc.InferenceServerClient(addresses.grpc)
    came: queue.Queue[Any] = queue.Queue()
    client.start_stream(callback=lambda result, error: came.put(error or result))
    for name in ("hues", "nobody", "hues"):
        client.async_stream_infer(name, [encoded(client, *PICTURES)])
    answers = [came.get(timeout=30) for _ in range(3)]
    client.stop_stream()
    client.close()
    assert isinstance(answers[1], InferenceServerException)
    for each in (answers[0], answers[2]):
        np.testing.assert_array_equal(each.as_numpy("probabilities"), expected(models, "hues"))


def test_the_client_for_asyncio(addresses: Addresses, models: trunkline.ModelSet) -> None:
    async def ask() -> Any:
        async with triton_grpc_aio.InferenceServerClient(addresses.grpc) as client:
            assert await client.is_server_ready()
            return await client.infer("hues", [encoded(client, *PICTURES)])

    result = asyncio.run(ask())
    np.testing.assert_array_equal(result.as_numpy("probabilities"), expected(models, "hues"))


def test_what_it_says_of_itself(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("hues")
    assert client.is_model_ready("hues", "1")
    assert not_ready(client, "nobody")
    said = plain(client.get_server_metadata())
    assert (said["name"], said["version"]) == ("trunkline", trunkline.__version__)
    metadata = plain(client.get_model_metadata("places"))
    assert metadata["platform"] == "trunkline_openvino"
    assert metadata["versions"] == ["1"]
    assert {each["name"]: each["datatype"] for each in metadata["outputs"]} == {
        "boxes": "FP32",
        "scores": "FP32",
        "classes": "INT64",
        "labels": "BYTES",
        "counts": "INT64",
    }
    config = plain(client.get_model_config("places"))
    config = config.get("config", config)
    assert config["backend"] == "trunkline"
    assert [each["data_type"] for each in config["input"]] == ["TYPE_STRING", "TYPE_FP32"]
    assert "fractions" in config["parameters"]["boxes"]["string_value"]


def not_ready(client: Any, name: str) -> bool:
    """Return whether a client takes a model for one that is not ready, in its way."""
    try:
        return not client.is_model_ready(name)
    except InferenceServerException as error:
        return "NOT_FOUND" in str(error.status())


def test_statistics(client: Any) -> None:
    def count() -> int:
        (said,) = plain(client.get_inference_statistics("colours"))["model_stats"]
        assert (said["name"], said["version"]) == ("colours", "1")
        return int(said.get("inference_count", 0))

    before = count()
    client.infer("colours", [encoded(client, *PICTURES)])
    assert count() == before + 4
    every = plain(client.get_inference_statistics())["model_stats"]
    assert {each["name"] for each in every} == {"colours", "hues", "places"}


def test_the_repository(client: Any) -> None:
    def index() -> dict[str, str]:
        said = plain(client.get_model_repository_index())
        said = said.get("models", []) if isinstance(said, dict) else said
        return {each["name"]: each["state"] for each in said}

    assert index() == dict.fromkeys(("colours", "hues", "places"), "READY")
    client.unload_model("places")
    try:
        assert index()["places"] == "UNAVAILABLE"
        with pytest.raises(InferenceServerException, match="places"):
            client.infer("places", [encoded(client, *PICTURES)])
        assert client.infer("hues", [encoded(client, *PICTURES)])
    finally:
        client.load_model("places")
    assert client.infer("places", [encoded(client, *PICTURES)])
    with pytest.raises(InferenceServerException, match="nobody"):
        client.load_model("nobody")


def test_faults_are_sentences(client: Any) -> None:
    for call, said in (
        (lambda: client.infer("nobody", [encoded(client, *PICTURES)]), "nobody"),
        (lambda: client.infer("hues", [encoded(client, b"none")]), "picture"),
        (lambda: client.infer("hues", [tensor_of(client, np.zeros(3, np.float32))]), "shape"),
        (lambda: client.get_model_metadata("nobody"), "nobody"),
        (lambda: client.infer("hues", [encoded(client, *PICTURES)], model_version="9"), "version"),
    ):
        with pytest.raises(InferenceServerException, match=said) as caught:
            call()
        assert str(caught.value.status()) in {
            "400",
            "404",
            "StatusCode.NOT_FOUND",
            "StatusCode.INVALID_ARGUMENT",
        }


def test_a_real_export_and_real_pictures(shared: Path, tmp_path: Path) -> None:
    models = trunkline.load(
        shared / "models" / "fruit-7-tflite", shared / "models" / "cat-dog-onnx-opset7"
    )
    server = assemble(Settings(keys_file=tmp_path / "keys.json", grpc_port=0), models)
    server.state.ready = True
    files = sorted((shared / "pictures" / "fruit").glob("*.jpg"))[:3]
    with listening_twice(server) as addresses:
        for kind, address in ((triton_http, addresses.http), (triton_grpc, addresses.grpc)):
            client = kind.InferenceServerClient(address)
            for name, model in models.items():
                answers = [models.predict(file)[name].probabilities for file in files]
                result = client.infer(name, [encoded(client, *[f.read_bytes() for f in files])])
                np.testing.assert_array_equal(result.as_numpy("probabilities"), answers)
                made = [to_tensor(read_picture(file), model.contract) for file in files]
                result = client.infer(name, [tensor_of(client, np.concatenate(made))])
                np.testing.assert_array_equal(result.as_numpy("probabilities"), answers)
            client.close()
    server.plane.close()
