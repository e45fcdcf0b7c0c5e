# SPDX-License-Identifier: Apache-2.0
"""The live page from outside: the real commands as processes, looked at in a real browser."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING

import httpx
import pytest

import builders
from browser import Window, browser
from server.living import Process
from trunkline.demo.pictures import moving_scenes, to_jpeg
from trunkline.server.keyfile import make_key, write_keys
from videos import MjpegCamera, part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

MODELS = 10
PATIENCE = 60.0
"""Seconds after which a test gives up; no test waits so long when all is well."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def window(chromium: Browser) -> Iterator[Window]:
    with Window(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten exports; the labels of number 3 are red-3, green-3 and blue-3."""
    folder = tmp_path_factory.mktemp("exports")
    for number in range(MODELS):
        labels = tuple(f"{colour}-{number}" for colour in builders.COLOURS)
        builders.openvino_classifier(folder / f"colours-{number}", labels=labels)
    return folder


@pytest.fixture
def camera() -> Iterator[MjpegCamera]:
    """A camera on HTTP that shows a film of the demonstration's pictures, again and again."""
    film = [part(to_jpeg(scene)) for scene in moving_scenes(24, seed=4)]

    def play(_: int, send: Callable[[bytes], None]) -> None:
        for picture in cycle(film):
            if made.done.wait(0.1):
                return
            send(picture)

    with MjpegCamera(play) as made:
        yield made


@contextmanager
def serving(folder: Path, *arguments: object) -> Iterator[tuple[Process, str]]:
    """Run ``trunkline serve``; yield it and the address of its page.

    It would wait for ever for a request that runs when it is stopped.
    """
    patient = {"TRUNKLINE_DRAIN_SECONDS": "86400"}
    with Process(folder, "--grpc-port", "off", *arguments, environment=patient) as process:
        yield process, f"{process.ready(PATIENCE)}/live/"


def moved(window: Window) -> None:
    """Wait until a camera's picture is another than now."""
    image = window.page.locator(".tl-camera img").first
    image.wait_for()
    before = image.get_attribute("src")
    window.page.wait_for_function(
        "(before) => document.querySelector('.tl-camera img').getAttribute('src') !== before",
        arg=before,
    )


def labels(window: Window) -> str:
    text: str = window.page.locator(".tl-result .tl-answers").first.inner_text()
    return text


def ended(process: subprocess.Popen[bytes]) -> int:
    """Ask a process to stop; return its exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)


def test_ten_models_answer_and_another_comes_and_goes(
    window: Window, exports: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, exports) as (process, url):
        window.open(url.removesuffix("/"))
        window.page.get_by_label("Remove colours-9").wait_for()
        window.drop("main", "lime.png", builders.png_bytes("lime"))
        window.wait_for(f"{MODELS} answers")
        found = set(re.findall(r"green-\d", labels(window)))
        assert found == {f"green-{number}" for number in range(MODELS)}

        hues = builders.zipped(builders.onnx_classifier(tmp_path / "hues"))
        window.drop("main", "hues.zip", hues, "application/zip")
        window.page.get_by_role("button", name="Load").click()
        window.page.get_by_label("Remove hues").wait_for()
        loaded = httpx.get(f"{url.removesuffix('live/')}models").json()["models"]
        assert [each["name"] for each in loaded][-1] == "hues"
        window.drop("main", "red.png", builders.png_bytes("red"))
        window.wait_for(f"{MODELS + 1} answers")

        window.page.get_by_label("Remove hues").click()
        window.page.get_by_role("button", name="Remove", exact=True).click()
        window.page.get_by_label("Remove hues").wait_for(state="detached")
        loaded = httpx.get(f"{url.removesuffix('live/')}models").json()["models"]
        assert len(loaded) == MODELS

        taken = builders.zipped(exports / "colours-3")
        window.drop("main", "colours-3.zip", taken, "application/zip")
        window.page.get_by_role("button", name="Load").click()
        window.wait_for("loaded already; remove it first")
        window.drop("main", "notes.txt", b"no picture at all", "text/plain")
        window.page.locator(".q-notification", has_text="picture").last.wait_for()

        assert window.outside(url) == []
        assert window.problems == []
        assert ended(process.process) == 0  # with the page open
        assert "Traceback" not in process.log


def test_cameras_in_the_settings_are_watched(
    window: Window, exports: Path, camera: MjpegCamera, tmp_path: Path
) -> None:
    (tmp_path / "trunkline.toml").write_text(
        f'models = ["{exports}"]\n[watch]\nsinks = ["jsonl:lines"]\n'
        f'[[cameras]]\nsource = "{camera.url}"\nname = "door"\n'
    )
    with serving(tmp_path) as (process, url):
        window.open(url)
        window.wait_for("door")
        moved(window)
        window.page.locator(".tl-log li").first.wait_for()
        window.drop("main", "red.png", builders.png_bytes("red"))
        window.wait_for(f"{MODELS} answers")
        assert window.outside(url) == []
        assert window.problems == []
        assert ended(process.process) == 0
        assert "Traceback" not in process.log
    assert (tmp_path / "lines").read_text().count('"source"') > 1


def test_with_keys_one_has_to_sign_in(window: Window, exports: Path, tmp_path: Path) -> None:
    predict, manage = make_key("camera", "predict"), make_key("laptop", "manage")
    write_keys(tmp_path / "keys.json", (predict[1], manage[1]))
    with serving(tmp_path, exports, "--keys-file", tmp_path / "keys.json") as (_, url):
        for path in ("", "page.js", "cameras/door.jpg", "_nicegui/client/x/upload", "dropped/x"):
            answer = httpx.get(url + path)
            assert answer.status_code == 401, path
            assert "colours" not in answer.text
        window.open(url)
        window.page.get_by_label("Key").fill("no such key")
        window.page.get_by_role("button", name="Sign in").click()
        window.wait_for("The key is not known here.")
        window.page.get_by_label("Key").fill(predict[0])
        window.page.get_by_role("button", name="Sign in").click()
        window.wait_for("colours-9")
        assert window.page.get_by_label("Remove colours-9").count() == 0
        window.page.get_by_role("button", name="Sign out").click()
        window.page.get_by_label("Key").fill(manage[0])
        window.page.get_by_role("button", name="Sign in").click()
        window.page.get_by_label("Remove colours-9").wait_for()


def test_the_page_beside_watching(
    window: Window, exports: Path, camera: MjpegCamera, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "trunkline", "watch", camera.url, "-m", str(exports),
        "--page", "0", "--quiet",
    ]  # fmt: skip
    said = tmp_path / "said"
    with said.open("w") as errors:
        process = subprocess.Popen(command, cwd=tmp_path, stderr=errors)
    try:
        url = _address_in(said, process)
        window.open(url)
        moved(window)
        window.page.locator(".tl-log li").first.wait_for()
        window.drop("main", "lime.png", builders.png_bytes("lime"))
        window.wait_for(f"{MODELS} answers")
        hues = builders.zipped(builders.onnx_classifier(tmp_path / "hues"))
        window.drop("main", "hues.zip", hues, "application/zip")
        window.page.get_by_role("button", name="Load").click()
        window.wait_for("hues is loaded")
        window.page.locator("summary").first.click()
        window.page.locator(".tl-said h3", has_text="hues").wait_for()  # the camera asks it as well
        assert window.outside(url) == []
        assert window.problems == []
        assert ended(process) == 0
        assert "Traceback" not in said.read_text()
    finally:
        process.kill()
        process.wait()


def _address_in(said: Path, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while not (found := re.search(r"The live page is at (\S+)", said.read_text())):
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < end
        time.sleep(0.05)
    return found[1]
