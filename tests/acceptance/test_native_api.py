# SPDX-License-Identifier: Apache-2.0
"""Trunkline's own API as its users meet it: a server process, real exports, and a fuzzer.

The server is driven while its models come, change and go, and no request may be lost, answered
wrongly or answered without them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import builders
from server.living import Process
from server.websocketing import connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RED, LIME = builders.png_bytes("red"), builders.png_bytes("lime")
REVERSED = ("blue", "green", "red")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with ``models/``: "colours", "places" and "hues", which is broken."""
    home = tmp_path_factory.mktemp("home")
    builders.openvino_classifier(home / "models" / "colours")
    builders.boxes_detector(home / "models" / "places")
    (home / "models" / "hues.zip").write_bytes(b"PK nothing")
    return home


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    arguments = ("models", "--grpc-port", "off")
    environment = {"TRUNKLINE_WATCH_SECONDS": "0.2", "TRUNKLINE_BODY_SECONDS": "5"}
    with Process(folder, *arguments, environment=environment) as process:
        yield process.ready()
        process.terminate()
        assert process.ended() == 0
        assert "Traceback" not in process.log


@pytest.fixture
def client(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base, timeout=30) as made:
        yield made


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def packed(folder: Path, labels: tuple[str, ...] = builders.COLOURS) -> bytes:
    made = builders.openvino_classifier(folder / "made", labels=labels)
    return Path(shutil.make_archive(str(folder / "made"), "zip", made)).read_bytes()


def test_a_picture_is_answered_by_all(client: httpx.Client) -> None:
    answers = client.post("/predict", content=RED).json()["predictions"]
    assert answers["colours"]["label"] == "red"
    assert answers["places"]["boxes"][0]["label"] == "fork"


def test_what_the_folder_holds_is_what_answers(client: httpx.Client, folder: Path) -> None:
    def names() -> set[str]:
        return {each["name"] for each in client.get("/models").json()["models"]}

    failures = client.get("/models").json()["failures"]
    assert [(each["name"], "hues.zip" in each["reason"]) for each in failures] == [("hues", True)]
    good = packed(folder)
    (folder / "models" / "hues.zip").write_bytes(good)
    until(lambda: "hues" in names())
    (folder / "models" / "hues.zip").write_bytes(good[:-30])
    until(lambda: bool(client.get("/models").json()["failures"]))
    assert client.post("/predict?models=hues", content=LIME).status_code == 200
    (folder / "models" / "hues.zip").unlink()
    until(lambda: "hues" not in names())


def test_no_request_is_lost_while_models_change(
    base: str, client: httpx.Client, tmp_path: Path
) -> None:
    plain, reversed_ = packed(tmp_path), packed(tmp_path, REVERSED)
    assert client.put("/models/live", content=plain).status_code == 201
    stop, wrong, answered = threading.Event(), list[object](), list[str]()

    def ask() -> None:
        with httpx.Client(base_url=base, timeout=30) as own:
            while not stop.is_set():
                reply = own.post("/predict", content=RED)
                answers = reply.json().get("predictions", {})
                label = answers.get("live", {}).get("label")
                if reply.status_code != 200 or label not in {"red", "blue"}:
                    wrong.append((reply.status_code, reply.text))
                if answers.get("colours", {}).get("label") != "red":
                    wrong.append(answers)
                answered.append(label)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(4):
            assert client.put("/models/live", content=reversed_).status_code == 200
            assert client.post("/models/more", content=plain).status_code == 201
            assert client.put("/models/live", content=b"PK broken").status_code == 400
            assert client.put("/models/live", content=plain).status_code == 200
            assert client.delete("/models/more").status_code == 200, turn
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert {"red", "blue"} <= set(answered)
    assert client.delete("/models/live").json()["removed"]


def test_many_pictures_over_one_connection(base: str, client: httpx.Client) -> None:
    with connected(base, "/stream?models=colours") as socket:
        for number in range(50):
            socket.send(LIME if number % 2 else RED)
        answers = [socket.receive() for _ in range(50)]
    found = [each["predictions"]["colours"]["label"] for each in answers]
    assert found == ["red", "green"] * 25
    files = [("picture", (f"{n}.png", RED)) for n in range(20)]
    lines = client.post("/predict", files=files).text.splitlines()
    assert [json.loads(line)["frame"] for line in lines] == [f"{n}.png" for n in range(20)]


@pytest.mark.parametrize("known", [False, True], ids=["anything", "with known names"])
def test_the_server_is_as_it_is_described(base: str, tmp_path: Path, *, known: bool) -> None:
    """Every operation, with requests in form and out of it; none may fail in the server."""
    names = '"path.name" = "colours"\n"path.model" = "colours"\n"path.version" = "1"\n'
    config = "[parameters]\n" + (names + '"path.project" = "colours"\n' if known else "")
    (tmp_path / "schemathesis.toml").write_text(config)
    command = [
        str(Path(sys.executable).with_name("st")),
        *("--config-file", str(tmp_path / "schemathesis.toml")),
        *("run", f"{base}/openapi.json", "--max-examples", "3"),
        *("--checks", ",".join(CHECKS), "--seed", "1", "--no-color"),
        *("--phases", "fuzzing", "--exclude-method", "DELETE"),
        # It would take away what the others ask for.
        *("--exclude-path", "/v2/repository/models/{model}/unload"),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert httpx.get(f"{base}/models/colours").status_code == 200
