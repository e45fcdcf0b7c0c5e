# SPDX-License-Identifier: Apache-2.0
"""Names, versions and states as the repository has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

import builders
import trunkline
from openprotocol import listening_twice
from trunkline.server.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trunkline.server.context import Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Colours in versions 2 and 10, and a broken export."""
    models = tmp_path / "models"
    builders.openvino_classifier(models / "colours" / "2", labels=("r", "g", "b"))
    builders.openvino_classifier(models / "colours" / "10")
    builders.onnx_classifier(models / "hues")
    broken = builders.onnx_classifier(models / "broken")
    (broken / "model.onnx").write_bytes(b"none")
    return models


@pytest.fixture
def client(folder: Path, make_server: Callable[..., Server]) -> Iterator[httpx.Client]:
    models = trunkline.ModelSet()
    server = make_server(models, grpc_port=0, versions="all")
    repository = Repository(models, [str(folder)], server.settings)
    repository.scan()
    with (
        listening_twice(replace(server, repository=repository)) as addresses,
        httpx.Client(base_url=f"http://{addresses.http}", timeout=30) as opened,
    ):
        yield opened


def labels(client: httpx.Client, path: str) -> list[str]:
    pixels = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 3], "data": [255, 0, 0]}
    sent = {"inputs": [pixels], "outputs": [{"name": "labels"}]}
    response = client.post(f"/v2/models/{path}/infer", json=sent)
    assert response.status_code == 200, response.text
    assert response.json()["model_name"] == path.partition("/")[0]
    assert response.json()["model_version"] == ("2" if path.endswith(("/2", ".v2")) else "10")
    return response.json()["outputs"][0]["data"]


def test_versions_are_asked_for_by_number(client: httpx.Client) -> None:
    assert client.get("/v2/models/colours").json()["versions"] == ["2", "10"]
    assert client.get("/v2/models/hues").json()["versions"] == ["1"]
    assert labels(client, "colours") == ["red", "green", "blue"]
    assert labels(client, "colours/versions/10") == ["red", "green", "blue"]
    assert labels(client, "colours/versions/2") == ["r", "g", "b"]
    assert labels(client, "colours.v2") == ["r", "g", "b"]
    response = client.get("/v2/models/colours/versions/3")
    assert (response.status_code, "it has 2, 10" in response.json()["error"]) == (404, True)
    (stats,) = client.get("/v2/models/colours/versions/2/stats").json()["model_stats"]
    assert (stats["name"], stats["version"], stats["inference_count"]) == ("colours", "2", 2)


def test_the_index_tells_what_does_not_answer(client: httpx.Client) -> None:
    index = client.post("/v2/repository/index", json={}).json()
    states = {each["name"]: each["state"] for each in index}
    assert states["colours"] == states["hues"] == "READY"
    assert states["broken"] == "UNAVAILABLE"
    assert next(each["reason"] for each in index if each["name"] == "broken")
    ready = client.post("/v2/repository/index", json={"ready": True}).json()
    assert "broken" not in {each["name"] for each in ready}


def test_models_come_and_go_by_name(client: httpx.Client, folder: Path) -> None:
    assert client.post("/v2/repository/models/hues/unload").status_code == 200
    assert client.get("/v2/models/hues").status_code == 404
    index = client.post("/v2/repository/index").json()
    assert ("hues", "UNAVAILABLE") in [(each["name"], each["state"]) for each in index]
    assert client.post("/v2/repository/models/hues/load").status_code == 200
    assert client.get("/v2/models/hues/ready").status_code == 200
    failed = client.post("/v2/repository/models/broken/load")
    assert (failed.status_code, list(failed.json())) == (400, ["error"])
    builders.onnx_classifier(folder / "broken")
    assert client.post("/v2/repository/models/broken/load").status_code == 200
    assert client.get("/v2/models/broken/ready").status_code == 200
    assert client.post("/v2/repository/models/nobody/load").status_code == 404
    assert client.post("/v2/repository/models/nobody/unload").status_code == 404
