# SPDX-License-Identifier: Apache-2.0
"""Watching from outside: a video made of labelled pictures gives the events that went in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image

import trunkline
from documents import DOCS_WATCHING, blocks, commands, prepare, run_as_stated
from trunkline.images import read_picture

if TYPE_CHECKING:
    import numpy as np

FRAMES_EACH, RATE = 6, 10
SCENES = ("apple1", "backpod", "banana1")


def film(path: Path, pictures: list[np.ndarray], each: int = FRAMES_EACH) -> Path:
    """Write a video that shows each picture for so many frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        for picture in pictures:
            image = Image.fromarray(picture).resize((640, 480))
            for _ in range(each):
                container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def labelled(shared: Path) -> list[np.ndarray]:
    found = {path.stem: path for path in (shared / "pictures").rglob("*") if path.stem in SCENES}
    assert set(found) == set(SCENES)
    return [read_picture(found[name]) for name in SCENES]


def watch(*arguments: object) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "trunkline", "watch", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def events_of(lines: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [
        (event["label"], event["state"], line["number"])
        for line in lines
        for event in line["events"]  # type: ignore[attr-defined]
    ]


def test_the_events_that_come_out_are_those_that_went_in(
    shared: Path, labelled: list[np.ndarray], tmp_path: Path
) -> None:
    video = film(tmp_path / "fruit.avi", labelled)
    lines = watch(video, "-m", shared / "models" / "fruit-2", "--sink", "jsonl", "-q")
    assert [line["number"] for line in lines] == list(range(3 * FRAMES_EACH))
    assert events_of(lines) == [
        ("Apple", "begin", 0),
        ("Apple", "end", FRAMES_EACH),
        ("Banana", "begin", 2 * FRAMES_EACH),
    ]


def test_smoothing_waits_until_a_label_holds(
    shared: Path, labelled: list[np.ndarray], tmp_path: Path
) -> None:
    video = film(tmp_path / "fruit.avi", labelled)
    options = "--sink", "jsonl", "-q", "--smooth", "3/4"
    lines = watch(video, "-m", shared / "models" / "fruit-2", *options)
    assert events_of(lines) == [
        ("Apple", "begin", 2),
        ("Apple", "end", FRAMES_EACH + 2),
        ("Banana", "begin", 2 * FRAMES_EACH + 2),
    ]


def test_two_sources_and_a_drawn_video(
    shared: Path, labelled: list[np.ndarray], tmp_path: Path
) -> None:
    # More than wait for the video, which gets every one of them, however slow the machine.
    first = film(tmp_path / "first.avi", labelled[:1], 12)
    second = film(tmp_path / "second.avi", labelled[2:], 12)
    drawn = tmp_path / "drawn.mp4"
    model = shared / "models" / "fruit-2"
    lines = watch(first, second, "-m", model, "--sink", "jsonl", "--sink", f"video:{drawn}", "-q")
    said = {
        (str(line["source"]), line["predictions"]["fruit-2"]["label"])  # type: ignore[index]
        for line in lines
    }
    assert {label for _, label in said} == {"Apple", "Banana"}
    assert len(said) == 2
    assert len(lines) == 2 * 12
    for path in tmp_path.glob("drawn*.mp4"):
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 12
    assert len(list(tmp_path.glob("drawn*.mp4"))) == 2


def test_the_page_is_so(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path, shared)
    monkeypatch.chdir(tmp_path)
    for command in commands(DOCS_WATCHING):
        run_as_stated(command, tmp_path, Path(sys.executable).parent)
    for block in blocks(DOCS_WATCHING, "python"):
        exec(compile(block, "docs/watching.md", "exec"), {})
    assert trunkline.watch


def test_the_example_settings_are_read(tmp_path: Path) -> None:
    from trunkline.streams.camerafile import read_camera_file

    (text,) = blocks(DOCS_WATCHING, "toml")
    (tmp_path / "trunkline.toml").write_text(text)
    settings = read_camera_file(tmp_path / "trunkline.toml")
    assert settings.models == ("models/",)
    assert len(settings.sinks) == 2
    (camera,) = settings.cameras
    assert (camera.name, len(camera.rules)) == ("door", 2)
