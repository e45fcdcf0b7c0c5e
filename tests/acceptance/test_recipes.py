# SPDX-License-Identifier: Apache-2.0
"""The programs of docs/recipes.md: they run, and the servers answer real requests rightly."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
import werkzeug.serving

from documents import ROOT, blocks, prepare
from server.living import raw
from trunkline.server.binding import bind
from trunkline.server.keys import KeyRing

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trunkline import ModelSet

PAGE = ROOT / "docs" / "recipes.md"
FLASK, FASTAPI, FOLDER, OPENCV, BOXES = range(5)
CALLERS, REQUESTS = 8, 40


@pytest.fixture
def folder(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a person who reads the page."""
    prepare(tmp_path, shared)
    shutil.move(tmp_path / "detector", tmp_path / "models" / "detector")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(number: int) -> dict[str, Any]:
    """Run a program of the page; return its names."""
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(blocks(PAGE, "python")[number], str(PAGE), "exec"), names)
    return names


# Two servers


def flask_server(app: Any, listener: socket.socket) -> tuple[Callable[[], None], ...]:
    listener.setblocking(True)
    host, port = listener.getsockname()
    server = werkzeug.serving.make_server(host, port, app, threaded=True, fd=listener.fileno())
    return server.serve_forever, server.shutdown


def fastapi_server(app: Any, listener: socket.socket) -> tuple[Callable[[], None], ...]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    return lambda: server.run([listener]), lambda: setattr(server, "should_exit", True)


SERVERS = {FLASK: flask_server, FASTAPI: fastapi_server}


@contextlib.contextmanager
def serving(number: int, app: Any, folder: Path) -> Iterator[str]:
    """Serve a program of the page in a thread; yield the address."""
    with contextlib.closing(bind("127.0.0.1", 0, KeyRing(folder / "none.json"))) as listener:
        serve, stop = SERVERS[number](app, listener)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop()
            thread.join(20)
            assert not thread.is_alive()


def expected(models: ModelSet, picture: Path) -> Any:
    return {name: answer.to_dict() for name, answer in models.predict(picture).items()}


def approximately(answers: Any) -> Any:
    """Return answers with their numbers less exact: a batch may differ in a last digit."""
    return json.loads(json.dumps(answers), parse_float=lambda text: round(float(text), 4))


@pytest.mark.parametrize("number", SERVERS, ids=["flask", "fastapi"])
def test_many_requests_at_once_get_their_own_answers(number: int, folder: Path) -> None:
    names = run(number)
    files = sorted((folder / "pictures").glob("*.jpg"))
    right = {file: approximately(expected(names["models"], file)) for file in files}
    assert len({json.dumps(each) for each in right.values()}) > 1
    with serving(number, names["app"], folder) as address, httpx.Client(timeout=30) as client:

        def ask(turn: int) -> bool:
            file = files[turn % len(files)]
            reply = client.post(f"{address}/predict", content=file.read_bytes())
            return reply.status_code == 200 and approximately(reply.json()) == right[file]

        with ThreadPoolExecutor(CALLERS) as threads:
            assert all(threads.map(ask, range(REQUESTS)))
        one = client.post(f"{address}/predict?model=fruit-7", content=files[0].read_bytes())
        assert set(one.json()) == {"fruit-7"}


@pytest.mark.parametrize("number", SERVERS, ids=["flask", "fastapi"])
def test_what_is_wrong_is_said(number: int, folder: Path) -> None:
    names = run(number)
    photo = (folder / "photo.jpg").read_bytes()
    with serving(number, names["app"], folder) as address, httpx.Client(timeout=30) as client:
        for body, query, status, words in (
            (b"words", "", 400, "picture"),
            (b"", "", 400, ""),
            (photo, "?model=nobody", 404, "nobody"),
        ):
            reply = client.post(f"{address}/predict{query}", content=body)
            assert reply.status_code == status, reply.text
            assert words in reply.text
        large = b"POST /predict HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
        large += b"Content-Length: 30000000\r\n\r\n" + bytes(30_000_000)
        with contextlib.suppress(ConnectionError):  # it may hang up before it has read all
            assert b" 413 " in raw(address, large).partition(b"\r\n")[0]
        assert client.post(f"{address}/predict", content=photo).status_code == 200


@pytest.mark.parametrize("number", SERVERS, ids=["flask", "fastapi"])
def test_what_does_not_fit_is_refused(number: int, folder: Path) -> None:
    names = run(number)
    photo = (folder / "photo.jpg").read_bytes()
    with serving(number, names["app"], folder) as address, httpx.Client(timeout=30) as client:

        def status(content: bytes) -> int:
            return client.post(f"{address}/predict", content=content).status_code

        taken = 0
        while names["places"].acquire(blocking=False):
            taken += 1
        assert taken == 2 * (os.cpu_count() or 1) + 16
        refused = client.post(f"{address}/predict", content=photo)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        names["places"].release()
        # With one place left, what is wrong must give it back as what is right does.
        for content, expected_status in ((b"words", 400), (photo, 200), (b"words", 400)):
            assert status(content) == expected_status


# Programs


def test_a_folder_of_pictures(folder: Path) -> None:
    (folder / "pictures" / "broken.jpg").write_bytes(b"nothing")
    names = run(FOLDER)
    lines = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    files = sorted((folder / "pictures").glob("*.jpg"))
    assert [line["picture"] for line in lines] == [file.name for file in files]
    for line, file in zip(lines, files, strict=True):
        if file.name == "broken.jpg":
            assert "broken.jpg" in line["error"]
        else:
            right = approximately(expected(names["models"], file))
            assert approximately(line["answers"]) == right


def test_frames_of_opencv(folder: Path) -> None:
    import cv2

    picture = cv2.imread(str(folder / "pictures" / "apple2.jpg"))
    small = cv2.resize(picture, (320, 240))
    writer = cv2.VideoWriter("video.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(3):
        writer.write(small)
    writer.release()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = run(OPENCV)
    assert printed.getvalue() == "['Apple', 'Apple', 'Apple']\n"
    video = cv2.VideoCapture("video.avi")
    *_, frame = (video.read()[1] for _ in range(3))
    video.release()
    right, swapped = (
        names["models"].predict(frame, order=order)["fruit-7"].to_dict() for order in ("BGR", "RGB")
    )
    assert approximately(names["answers"]["fruit-7"].to_dict()) == approximately(right)
    assert approximately(swapped) != approximately(right)


@pytest.mark.filterwarnings("ignore:OpenCV")  # which supervision can do without
def test_boxes_drawn_by_supervision(folder: Path) -> None:
    import numpy as np
    from PIL import Image, ImageOps

    names = run(BOXES)
    assert list(names["boxes"]["class_name"]) == ["fork", "spoon"]
    with Image.open(folder / "photo.jpg") as photo, Image.open(folder / "boxes.png") as drawn:
        before = np.array(ImageOps.exif_transpose(photo).convert("RGB"))
        after = np.array(drawn)
    assert after.shape == before.shape
    assert (after != before).any()


def test_every_program_is_run() -> None:
    assert len(blocks(PAGE, "python")) == 5
