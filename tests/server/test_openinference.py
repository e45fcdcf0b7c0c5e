# SPDX-License-Identifier: Apache-2.0
"""The Open Inference Protocol as any HTTP client sees it: JSON in, JSON out, errors in its form."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

import builders
import trunkline
from openprotocol import listening_twice
from trunkline.images import to_tensor
from trunkline.server.assembly import assemble
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trunkline.server.context import Server

    Made = Callable[..., Server]

RED = builders.png_bytes("red")
LIME = builders.png_bytes("lime")


@pytest.fixture(scope="module")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = tmp_path_factory.mktemp("keys") / "none.json"
    made = assemble(
        Settings(keys_file=keys, grpc_port=0, max_body_bytes=200_000), trunkline.load(model_folder)
    )
    made.state.ready = True
    yield made
    made.plane.close()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with (
        listening_twice(server) as addresses,
        httpx.Client(base_url=f"http://{addresses.http}", timeout=30) as opened,
    ):
        yield opened


def encoded(*pictures: bytes) -> dict[str, Any]:
    texts = [base64.b64encode(each).decode() for each in pictures]
    return {"name": "image", "datatype": "BYTES", "shape": [len(texts)], "data": texts}


def ask(client: httpx.Client, model: str, *inputs: dict[str, Any], **more: Any) -> httpx.Response:
    return client.post(f"/v2/models/{model}/infer", json={"inputs": inputs, **more})


def outputs(response: httpx.Response) -> dict[str, dict[str, Any]]:
    assert response.status_code == 200, response.text
    return {each["name"]: each for each in response.json()["outputs"]}


def refused(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    said = response.json()
    assert list(said) == ["error"]
    return said["error"]


def test_the_server_says_what_it_is(client: httpx.Client) -> None:
    said = client.get("/v2").json()
    assert (said["name"], said["version"]) == ("trunkline", trunkline.__version__)
    assert {"binary_tensor_data", "classification", "statistics"} <= set(said["extensions"])
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 200


@pytest.mark.parametrize("end", ["", "/versions/1"])
def test_models_say_what_they_take_and_give(client: httpx.Client, end: str) -> None:
    said = client.get(f"/v2/models/hues{end}").json()
    assert (said["name"], said["versions"]) == ("hues", ["1"])
    assert said["platform"] == "trunkline_openvino"
    shapes = {
        each["name"]: (each["datatype"], each["shape"])
        for each in (*said["inputs"], *said["outputs"])
    }
    assert shapes == {
        "image": ("BYTES", [-1]),
        "tensor": ("FP32", [-1, 3, 16, 16]),
        "probabilities": ("FP32", [-1, 3]),
        "labels": ("BYTES", [3]),
    }
    assert said["inputs"][1]["parameters"]["content"].endswith("NCHW, RGB, 0 to 255")
    places = client.get(f"/v2/models/places{end}").json()["outputs"]
    assert "fractions" in places[0]["parameters"]["content"]
    config = client.get(f"/v2/models/places{end}/config").json()
    assert config["max_batch_size"] == 0
    assert config["output"][0] == {"name": "boxes", "data_type": "TYPE_FP32", "dims": [-1, 4]}
    assert config["output"][3]["data_type"] == "TYPE_STRING"
    assert client.get(f"/v2/models/places{end}/ready").json() == {"name": "places", "ready": True}


def test_a_tensor_s_values_are_described_in_full() -> None:
    from trunkline.contracts import InputContract, Preset
    from trunkline.server.oip_models import _normalised

    contract = InputContract(
        8, 8, Preset.SAMPLE_STRETCH, maximum=1.0, mean=(0.5, 0, 0), std=(2, 2, 2)
    )
    assert _normalised(contract).endswith("NHWC, BGR, 0 to 1, less 0.5, 0, 0, divided by 2, 2, 2")


def test_pictures_are_answered_as_predict_does(client: httpx.Client, server: Server) -> None:
    response = ask(client, "hues", encoded(RED, LIME, RED), id="seven", parameters={"any": 1})
    said = outputs(response)
    assert {k: v for k, v in response.json().items() if k != "outputs"} == {
        "model_name": "hues",
        "model_version": "1",
        "id": "seven",
    }
    rows = np.array(said["probabilities"]["data"], np.float32).reshape(
        said["probabilities"]["shape"]
    )
    models = server.plane.models
    for row, picture in zip(rows, (RED, LIME, RED), strict=True):
        np.testing.assert_array_equal(row, models.predict(picture)["hues"].probabilities)
    assert said["labels"]["data"] == ["red", "green", "blue"]


def test_boxes_are_counted_by_picture(client: httpx.Client, server: Server) -> None:
    said = outputs(ask(client, "places", encoded(RED, builders.png_bytes("black"), LIME)))
    assert said["counts"]["data"] == [1, 0, 1]
    assert said["boxes"]["shape"] == [2, 4]
    assert said["boxes"]["data"] == [*builders.PLACES[0], *builders.PLACES[1]]
    assert said["classes"]["data"] == [0, 1]
    assert said["scores"]["data"] == pytest.approx([1.0, 1.0])
    assert said["labels"]["data"] == ["fork", "spoon"]
    nothing = outputs(ask(client, "places", encoded(builders.png_bytes("black"))))
    assert (nothing["boxes"]["shape"], nothing["boxes"]["data"]) == ([0, 4], [])


@pytest.mark.parametrize("batch", [None, 1, 6])
@pytest.mark.parametrize("name", ["colours", "hues"])
def test_ready_tensors_are_answered(
    client: httpx.Client, server: Server, name: str, batch: int | None
) -> None:
    models = server.plane.models
    pictures = np.random.default_rng(2).integers(0, 256, (batch or 1, 16, 16, 3), np.uint8)
    made = np.concatenate([to_tensor(each, models[name].contract) for each in pictures])
    tensor = made if batch else made[0]
    sent = {"name": "tensor", "datatype": "FP32", "shape": list(tensor.shape)}
    said = outputs(ask(client, name, {**sent, "data": tensor.tolist()}))["probabilities"]
    expected = np.stack([models.predict(each)[name].probabilities for each in pictures])
    assert said["shape"] == list(expected.shape)
    np.testing.assert_array_equal(np.array(said["data"], np.float32), expected.reshape(-1))


@pytest.mark.parametrize("axes", [3, 4])
def test_pixels_are_answered(client: httpx.Client, server: Server, axes: int) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (20, 30, 3), np.uint8)
    shape = [20, 30, 3] if axes == 3 else [1, 20, 30, 3]
    sent = {"name": "image", "datatype": "UINT8", "shape": shape, "data": picture.ravel().tolist()}
    said = outputs(ask(client, "colours", sent))["probabilities"]["data"]
    expected = server.plane.models.predict(picture)["colours"].probabilities
    np.testing.assert_array_equal(np.array(said, np.float32), expected)


def test_only_wanted_outputs_come_in_their_order(client: httpx.Client) -> None:
    wanted = [{"name": "labels"}, {"name": "probabilities", "parameters": {"classification": 2}}]
    response = ask(client, "colours", encoded(RED, LIME), outputs=wanted)
    assert [each["name"] for each in response.json()["outputs"]] == ["labels", "probabilities"]
    best = outputs(response)["probabilities"]
    assert (best["datatype"], best["shape"]) == ("BYTES", [2, 2])
    assert best["data"][0] == "1.000000:0:red"
    assert best["data"][2] == "1.000000:1:green"
    every = [{"name": "probabilities", "parameters": {"classification": 99}}]
    assert outputs(ask(client, "colours", encoded(RED), outputs=every))["probabilities"][
        "shape"
    ] == [1, 3]


FLOATS = {"name": "tensor", "datatype": "FP32", "shape": [1], "data": [1]}


@pytest.mark.parametrize(
    ("inputs", "more", "said"),
    [
        ([], {}, "takes one input"),
        ([encoded(RED), encoded(RED)], {}, "takes one input"),
        ([{**encoded(RED), "name": "data"}], {}, "found 'data'"),
        ([encoded(b"no picture")], {}, "picture"),
        ([encoded(RED, b"no picture")], {}, "picture"),
        ([encoded()], {}, "1 to 256 pictures; this one has 0"),
        ([encoded(*[b""] * 257)], {}, "this one has 257"),
        ([FLOATS], {}, "must be of shape"),
        ([{**FLOATS, "shape": [1, 1, 1], "data": [1]}], {}, "must be float32 of shape 16x16x3"),
        ([{**FLOATS, "datatype": "FP64"}], {}, "must be FP32, not FP64"),
        ([{**encoded(RED), "name": "tensor"}], {}, "must be FP32, not BYTES"),
        ([{**FLOATS, "name": "image"}], {}, "must be BYTES, or UINT8"),
        ([{**FLOATS, "shape": [0, 16, 16, 3], "data": []}], {}, "this one has 0"),
        ([encoded(RED)], {"outputs": [{"name": "boxes"}]}, "no output 'boxes'"),
        ([encoded(RED)], {"outputs": [{"name": "labels"}] * 2}, "wanted twice"),
        (
            [encoded(RED)],
            {"outputs": [{"name": "labels", "parameters": {"classification": 1}}]},
            "has no classification",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    client: httpx.Client, inputs: list[Any], more: dict[str, Any], said: str
) -> None:
    assert said in refused(ask(client, "colours", *inputs, **more), 400)


@pytest.mark.parametrize("other", ["labels", "task"])
def test_a_model_that_is_replaced_meanwhile_is_asked_again(
    make_server: Made,
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other: str,
) -> None:
    if other == "labels":
        path = builders.openvino_classifier(tmp_path / "colours", labels=("r", "g", "b"))
    else:
        path = builders.boxes_detector(tmp_path / "colours")
    models = trunkline.load(model_folder)
    server = make_server(models, grpc_port=0)
    predict, asked = server.plane.predict, [0]

    async def replaced(*arguments: Any) -> Any:
        asked[0] += 1
        if asked[0] == (6 if other == "labels" else 1):
            models.replace(colours=str(path))
        return await predict(*arguments)

    monkeypatch.setattr(server.plane, "predict", replaced)
    with listening_twice(server) as addresses:
        client = httpx.Client(base_url=f"http://{addresses.http}", timeout=30)
        pictures = encoded(*[RED] * (7 if other == "labels" else 1))
        response = ask(client, "colours", pictures)
        assert "replaced" in refused(response, 503)
        assert response.headers["Retry-After"] == "1"
        assert ask(client, "colours", pictures).status_code == 200
        client.close()


def test_unknown_things_are_not_found(client: httpx.Client) -> None:
    for end in ("", "/ready", "/config", "/stats", "/versions/1"):
        assert "'nobody'" in refused(client.get(f"/v2/models/nobody{end}"), 404)
    assert "version" in refused(client.get("/v2/models/hues/versions/2"), 404)
    refused(ask(client, "nobody", encoded(RED)), 404)
    refused(client.post("/v2/models/hues/versions/3/infer", json={"inputs": []}), 404)
    refused(client.get("/v2/systemsharedmemory/status"), 404)
    refused(client.get("/v2/models/hues/infer"), 405)


def test_bodies_are_limited_compressed_or_not(client: httpx.Client) -> None:
    large = json.dumps({"inputs": [], "id": " " * 300_000}).encode()
    path = "/v2/models/hues/infer"
    refused(client.post(path, content=large), 413)
    squeezed = gzip.compress(large)
    headers = {"Content-Encoding": "gzip"}
    assert len(squeezed) < 10_000
    refused(client.post(path, content=squeezed, headers=headers), 413)
    assert "is not gzip" in refused(client.post(path, content=b"plain", headers=headers), 400)


@trying(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=80)
    | st.builds(
        lambda shape, size, data: (
            json.dumps(
                {
                    "inputs": [
                        {
                            "name": "image",
                            "datatype": "BYTES",
                            "shape": shape,
                            "parameters": {"binary_data_size": size},
                        }
                    ]
                }
            ).encode()
            + data
        ),
        st.lists(st.integers(0, 1 << 60), max_size=3),
        st.integers(0, 1 << 60),
        st.binary(max_size=40),
    ),
    header=st.none()
    | st.integers(0, 1 << 70).map(str)
    | st.sampled_from(["112", "115", "-1", "x"]),
    encoding=st.sampled_from(["", "gzip", "deflate", "zip"]),
)
def test_any_bytes_are_a_client_s_fault(
    client: httpx.Client, body: bytes, header: str | None, encoding: str
) -> None:
    headers = {"Content-Encoding": encoding}
    if header is not None:
        headers["Inference-Header-Content-Length"] = header
    refused(client.post("/v2/models/hues/infer", content=body, headers=headers), 400)


def test_statistics_count_pictures(make_server: Made) -> None:
    with listening_twice(make_server(grpc_port=0)) as addresses:
        client = httpx.Client(base_url=f"http://{addresses.http}", timeout=30)
        assert ask(client, "hues", encoded(RED, LIME)).status_code == 200
        assert ask(client, "hues", encoded(b"none")).status_code == 400
        (said,) = client.get("/v2/models/hues/stats").json()["model_stats"]
        every = client.get("/v2/models/stats").json()["model_stats"]
        client.close()
    assert (said["name"], said["version"], said["inference_count"]) == ("hues", "1", 2)
    assert said["inference_stats"]["success"]["count"] == 2
    assert said["inference_stats"]["fail"]["count"] == 1
    assert said["inference_stats"]["compute_infer"]["ns"] > 1000
    assert [each["name"] for each in every] == ["colours", "hues", "places"]
    assert every[0]["inference_count"] == 0


def test_a_server_that_is_not_ready_says_so(make_server: Made) -> None:
    server = make_server(grpc_port=0)
    server.state.ready = False
    with listening_twice(server) as addresses:
        client = httpx.Client(base_url=f"http://{addresses.http}", timeout=30)
        assert client.get("/v2/health/live").status_code == 200
        response = client.get("/v2/health/ready")
        assert response.headers["Retry-After"]
        refused(response, 503)
        refused(client.get("/v2/models/hues/ready"), 503)
        refused(ask(client, "hues", encoded(RED)), 503)
        server.state.ready = True
        server.plane.draining = True
        refused(client.get("/v2/health/ready"), 503)
        refused(ask(client, "hues", encoded(RED)), 503)
        client.close()


def test_keys_are_asked_for_by_scope(make_server: Made, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    (predict, one), (manage, two) = make_key("one", "predict"), make_key("two", "manage")
    write_keys(keys, (one, two))
    with listening_twice(make_server(grpc_port=0, keys_file=keys)) as addresses:
        client = httpx.Client(base_url=f"http://{addresses.http}", timeout=30)
        refused(client.get("/v2/models/hues"), 401)
        assert client.get("/v2/health/ready").status_code == 200
        with_key = {"Authorization": f"Bearer {predict}"}
        assert client.get("/v2/models/hues", headers=with_key).status_code == 200
        unload = "/v2/repository/models/nobody/unload"
        refused(client.post(unload, headers=with_key), 403)
        refused(client.post(unload, headers={"Training-Key": manage}), 404)
        client.close()


def test_the_repository_is_listed_and_changed(make_server: Made, model_folder: Path) -> None:
    models = trunkline.load(model_folder)
    server = replace(make_server(models, grpc_port=0), repository=None)
    with listening_twice(server) as addresses:
        client = httpx.Client(base_url=f"http://{addresses.http}", timeout=30)
        index = client.post("/v2/repository/index").json()
        assert [each["name"] for each in index] == ["colours", "hues", "places"]
        assert index[0] == {"name": "colours", "version": "1", "state": "READY", "reason": ""}
        assert client.post("/v2/repository/index", json={"ready": True}).json() == index
        refused(client.post("/v2/repository/index", json=[]), 400)
        assert client.post("/v2/repository/models/hues/unload").status_code == 200
        assert list(models) == ["colours", "places"]
        refused(ask(client, "hues", encoded(RED)), 404)
        assert client.post("/v2/repository/models/places/load").status_code == 200
        refused(client.post("/v2/repository/models/hues/load"), 404)
        sent = {"parameters": {"config": "{}"}}
        refused(client.post("/v2/repository/models/places/load", json=sent), 400)
        client.close()
