# SPDX-License-Identifier: Apache-2.0
"""A real RTSP server, GStreamer's from Debian: stopped, started again, with another size."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trunkline.streams.sources import SourceSettings, SourceStatus, open_source
from videos import PATIENCE, take, until, write_video

if TYPE_CHECKING:
    from collections.abc import Iterator

_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_SETTINGS = SourceSettings(patience=5.0, longest_pause=0.1)


@pytest.fixture(scope="module", autouse=True)
def gstreamer() -> None:
    code = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        subprocess.run([_PYTHON, "-c", code], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        if os.environ.get("CI"):
            pytest.fail("there is no RTSP server, and in CI nothing may be skipped")
        pytest.skip("needs gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-plugins-good")


def _size(status: SourceStatus) -> tuple[int, int]:
    return status.width, status.height


@contextmanager
def _serving(video: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [_PYTHON, str(_SERVER), str(video), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield server, int(server.stdout.readline())
        finally:
            server.kill()


def _url(port: int) -> str:
    return f"rtsp://admin:s3cret@127.0.0.1:{port}/stream"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_of_an_rtsp_camera(tmp_path: Path, transport: str) -> None:
    write_video(tmp_path / "a.mp4", [150] * 100)
    settings = SourceSettings(transport=transport)
    with (
        _serving(tmp_path / "a.mp4") as (_, port),
        open_source(_url(port), settings=settings) as source,
    ):
        assert source.name == f"rtsp://127.0.0.1:{port}/stream"
        assert source.live
        frames = take(source, 3)
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert frames[0].pixels.shape == (48, 64, 3)
    assert abs(float(frames[-1].pixels.mean()) - 150) < 4


def test_an_rtsp_camera_goes_away_and_comes_back_with_another_size(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [150] * 200)
    write_video(tmp_path / "b.mp4", [150] * 200, size=(96, 64))
    with (
        _serving(tmp_path / "a.mp4") as (server, port),
        open_source(_url(port), settings=_SETTINGS) as source,
    ):
        take(source, 1)
        server.kill()
        server.wait(PATIENCE)
        until(lambda: source.status.state == "stalled" and source.status.problem)
        assert "s3cret" not in source.status.problem
        with _serving(tmp_path / "b.mp4", port):
            until(lambda: _size(source.status) == (96, 64) and source.status.state == "running")
            assert source.status.reconnects >= 1


def test_an_rtsp_camera_that_freezes_is_left_and_tried_again(tmp_path: Path) -> None:
    import signal

    write_video(tmp_path / "a.mp4", [150] * 200)
    settings = replace(_SETTINGS, patience=2.0)
    with (
        _serving(tmp_path / "a.mp4") as (server, port),
        open_source(_url(port), settings=settings) as source,
    ):
        take(source, 1)
        server.send_signal(signal.SIGSTOP)
        until(lambda: source.status.reconnects)
        server.send_signal(signal.SIGCONT)
        until(lambda: source.status.state == "running")


def test_a_wrong_password_is_said_without_it(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [150] * 20)
    with _serving(tmp_path / "a.mp4") as (_, port):
        url = _url(port).replace("s3cret", "gue55ed")
        with open_source(url, settings=_SETTINGS) as source:
            # On a busy machine it may have given up before, and tried again.
            until(lambda: re.search("401|nauthorized", source.status.problem))
            assert "gue55ed" not in source.status.problem
