# SPDX-License-Identifier: Apache-2.0
"""Takes the pictures of the live page in ``docs/images``: python tests/screenshots.py [FOLDER].

It needs the extras ``serve``, ``page``, ``watch`` and ``train``, and Debian's chromium. What is
seen is ``trunkline serve`` with two cameras that show pictures which the demonstration draws, and
the demonstration's three models, which are trained here.
"""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter

from browser import Window, browser
from documents import ROOT
from server.living import Process
from trunkline.demo.pictures import draw, moving_scenes, random_scenes
from trunkline.demo.training import train_models
from videos import MjpegCamera, part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from trunkline.demo.pictures import Scene

FOLDER = ROOT / "docs" / "images"
MOST_BYTES = 300_000
NAMES = ("conveyor", "shelf")
_SECONDS = 120
_MODELS = 3
_EVENTS = 8


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (place / "models").mkdir()
        train_models(place / "models", place)
        cameras = [stack.enter_context(_camera(seed)) for seed in (3, 7)]
        (place / "trunkline.toml").write_text(_settings(cameras))
        server = stack.enter_context(Process(place, "--grpc-port", "off"))
        url = f"{server.ready(_SECONDS)}/live/"
        started = stack.enter_context(browser())
        _desk(started, url, folder / "live-page.png")
        _phone(started, url, folder / "live-page-phone-dark.png")


def _settings(cameras: list[MjpegCamera]) -> str:
    tables = (
        f'[[cameras]]\nsource = "{camera.url}"\nname = "{name}"\nsmooth = "3/5"\n'
        for name, camera in zip(NAMES, cameras, strict=True)
    )
    return 'models = ["models"]\n' + "".join(tables)


@contextmanager
def _camera(seed: int) -> Iterator[MjpegCamera]:
    """A camera on HTTP that shows a film, again and again, at five pictures per second."""
    film = [part(_jpeg(scene)) for scene in moving_scenes(144, seed)]

    def play(_: int, send: Callable[[bytes], None]) -> None:
        for picture in cycle(film):
            if camera.done.wait(0.2):
                return
            send(picture)

    with MjpegCamera(play) as camera:
        yield camera


def _jpeg(scene: Scene) -> bytes:
    """Draw a scene, with a little less noise than usual: noise makes large files."""
    file = io.BytesIO()
    smooth = Image.fromarray(draw(scene)).filter(ImageFilter.GaussianBlur(0.8))
    smooth.save(file, "JPEG", quality=90)
    return file.getvalue()


def _desk(started: Browser, url: str, path: Path) -> None:
    with Window(started, width=1360, height=1000) as window:
        _open(window, url)
        picture = _jpeg(random_scenes(3, seed=8)[2])
        window.drop("main", "picture.jpg", picture, "image/jpeg")
        window.wait_for(f"{_MODELS} answers")
        window.page.mouse.wheel(0, -10_000)
        _write(window.screenshot(path), path)


def _phone(started: Browser, url: str, path: Path) -> None:
    with Window(started, width=390, height=844, dark=True, phone=True) as window:
        _open(window, url)
        _write(window.screenshot(path, whole=False), path)


def _open(window: Window, url: str) -> None:
    window.open(url)
    window.page.locator(".tl-camera img").nth(len(NAMES) - 1).wait_for()
    window.page.wait_for_function(
        "(count) => document.querySelectorAll('.tl-log li').length >= count", arg=_EVENTS
    )


def _write(png: bytes, path: Path) -> None:
    """Write a picture with as many colours as it may have."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64):
        image.quantize(colours, Image.Quantize.MAXCOVERAGE, 2).save(path, optimize=True)
        if path.stat().st_size < MOST_BYTES:
            print(f"{path}: {path.stat().st_size} bytes, {colours} colours")
            return
    raise SystemExit(f"{path} is too large: at most {MOST_BYTES} bytes.")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
