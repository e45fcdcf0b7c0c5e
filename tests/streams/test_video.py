# SPDX-License-Identifier: Apache-2.0
"""Videos on disk and on web servers, and cameras on HTTP."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.streams.addresses import Address
from trunkline.streams.sources import EndOfStream, Source, SourceSettings, open_source
from videos import (
    MjpegCamera,
    jpeg,
    levels_of,
    part,
    take,
    take_all,
    turn,
    until,
    web_folder,
    write_video,
)

if TYPE_CHECKING:
    from pathlib import Path

_LEVELS = list(range(20, 220, 8))
# Of a connection that stalls a test should not have to wait the usual 10 s; pauses are
# waited for as they come, but no longer than this.
_HASTY = SourceSettings(patience=2.0, longest_pause=0.05)
# Where nothing stalls, a busy machine may take its time.
_PATIENT = replace(_HASTY, patience=60.0)

Send = "Callable[[bytes], None]"


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mjpeg")]
)
def test_every_frame_of_a_file_in_order(tmp_path: Path, name: str, codec: str) -> None:
    write_video(tmp_path / name, _LEVELS, codec=codec)
    with open_source(str(tmp_path / name), name="film") as source:
        frames = take_all(source)
        assert not source.live
    assert np.abs(np.array(levels_of(frames)) - _LEVELS).max() <= 3
    assert [frame.number for frame in frames] == list(range(len(_LEVELS)))
    times = [frame.at - frames[0].at for frame in frames]
    assert times == pytest.approx([number / 10 for number in range(len(_LEVELS))], abs=1e-3)
    assert frames[0].pixels.shape == (48, 64, 3)
    assert frames[0].pixels.dtype == np.uint8
    assert frames[0].pixels.flags.c_contiguous
    status = source.status
    assert (status.state, status.received, status.dropped) == ("ended", len(_LEVELS), 0)
    assert (status.width, status.height, status.problem) == (64, 48, "")


def test_raw_h264_whose_frames_bear_no_times(tmp_path: Path) -> None:
    write_video(tmp_path / "a.h264", _LEVELS)
    with open_source(str(tmp_path / "a.h264")) as source:
        frames = take_all(source)
    assert len(frames) == len(_LEVELS)
    assert all(np.diff([frame.at for frame in frames]) > 0)


def test_some_frames_of_a_file(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", _LEVELS, rate=10)
    with open_source(str(tmp_path / "a.mp4"), fps=2) as source:
        assert [frame.number for frame in take_all(source)] == [0, 5, 10, 15, 20]
    assert source.status.skipped == 20
    with open_source(str(tmp_path / "a.mp4"), every=7) as source:
        assert [frame.number for frame in take_all(source)] == [0, 7, 14, 21]


@pytest.mark.parametrize(
    ("degrees", "bright"), [(0, "top"), (90, "right"), (180, "bottom"), (270, "left")]
)
def test_frames_are_turned_upright(tmp_path: Path, degrees: int, bright: str) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, [20] * 3, top=220)
    turn(path, degrees)
    with open_source(str(path)) as source:
        frames = take_all(source)
    pixels = frames[-1].pixels
    assert pixels.shape == ((48, 64, 3) if degrees % 180 == 0 else (64, 48, 3))
    assert (source.status.height, source.status.width) == pixels.shape[:2]
    sides = {"top": pixels[:8], "bottom": pixels[-8:], "left": pixels[:, :8]}
    sides["right"] = pixels[:, -8:]
    assert max(sides, key=lambda side: sides[side].mean()) == bright
    assert pixels.flags.c_contiguous


def test_a_file_is_not_read_faster_than_it_is_taken(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", _LEVELS)
    with open_source(str(tmp_path / "a.mp4"), settings=SourceSettings(backlog=2)) as source:
        take(source, 3)
        until(lambda: source.status.received == 6)  # 3 taken, 2 waiting, 1 in hand
    status = source.status
    assert (status.received, status.dropped) == (6, 3)
    with pytest.raises(EndOfStream):
        source.next(0)


def test_damage_in_a_file_costs_only_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    write_video(path, _LEVELS, codec="mjpeg")
    content = bytearray(path.read_bytes())
    starts = [n for n in range(len(content)) if content[n : n + 3] == b"\xff\xd8\xff"]
    for start in starts[5:8]:
        end = content.index(b"00dc", start)
        content[start:end] = bytes(end - start)
    path.write_bytes(content)
    with open_source(str(path)) as source:
        frames = take_all(source)
    assert len(frames) == len(_LEVELS) - 3
    assert (source.status.state, source.status.broken) == ("ended", 3)


def test_frames_that_h264_can_only_guess_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    write_video(path, _LEVELS, noise=True)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(range(1, 101)) * 3
    path.write_bytes(content)
    with open_source(str(path)) as source:
        frames = take_all(source)
    assert source.status.state == "ended"
    assert source.status.broken > 0
    assert 10 < len(frames) < len(_LEVELS)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["a.mp4", "a.avi"]), st.lists(st.tuples(st.floats(0, 0.999), st.binary())))
def test_no_damage_escapes(
    tmp_path_factory: pytest.TempPathFactory, name: str, damage: list[tuple[float, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("damaged") / name
    write_video(path, _LEVELS[:5], codec="mjpeg" if name == "a.avi" else "libx264")
    content = bytearray(path.read_bytes())
    for place, rubbish in damage:
        start = int(place * len(content))
        content[start : start + len(rubbish)] = rubbish
    path.write_bytes(content)
    with open_source(str(path)) as source:
        frames = take_all(source)
    status = source.status
    assert status.state in ("ended", "failed")
    assert (status.state == "failed") <= bool(status.problem)
    assert len(frames) == status.received


@pytest.mark.parametrize("content", [b"", b"no video", bytes(5000)])
def test_what_is_no_video_fails_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with open_source(str(path)) as source:
        assert take_all(source) == []
    assert source.status.state == "failed"
    assert "It cannot be opened (" in source.status.problem
    assert source.status.problem.endswith("Check that it is a whole video.")


def test_a_file_with_sound_only(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with open_source(str(path)) as source:
        assert take_all(source) == []
    assert source.status.problem.startswith("There is no video in it.")


def test_the_newest_frame_of_a_camera_wins() -> None:
    def play(_: int, send: Send) -> None:
        for level in range(0, 200, 10):
            send(part(jpeg(level)))
        send(b"--cut\r\n")
        camera.stall()

    with MjpegCamera(play) as camera, open_source(camera.url, settings=_PATIENT) as source:
        assert source.live
        until(lambda: source.status.received == 20)
        (frame,) = take(source, 1)
        assert (frame.number, levels_of([frame])) == (19, [190])
        assert source.next(0) is None
        assert source.status.dropped == 19
        assert abs(time.time() - frame.at) < 60
        camera.done.set()


def test_a_camera_that_closes_changes_its_size_and_sends_rubbish() -> None:
    whole = jpeg(1, noise=True)

    def play(number: int, send: Send) -> None:
        if number == 0:
            return  # closed at once
        size = (64, 48) if number == 1 else (96, 64)
        send(part(jpeg(100, size)))
        send(part(whole[: len(whole) // 2]))
        send(part(b"\0rubbish" * 50))
        send(part(jpeg(200, size[::-1])))
        if number == 1:
            return
        if number == 2:
            send(b"no boundary at all" * 100)
            return
        send(b"--cut\r\n")
        camera.stall()

    sizes = set()
    with MjpegCamera(play) as camera, open_source(camera.url, settings=_PATIENT) as source:

        def seen() -> bool:
            frame = source.next(0.5)
            if frame is not None:
                sizes.add(frame.pixels.shape[:2])
            return camera.connections >= 4 and source.status.received >= 6

        until(seen)
        until(lambda: source.status.state == "running")
        status = source.status
        camera.done.set()
    assert (64, 96) in sizes or (96, 64) in sizes
    assert status.reconnects == 3
    assert status.broken >= 4
    assert status.problem == ""


def test_a_camera_that_stalls_is_left_and_tried_again() -> None:
    def play(number: int, send: Send) -> None:
        send(part(jpeg(50 + 50 * number % 200)) + b"--cut\r\n")
        camera.stall()

    with MjpegCamera(play) as camera, open_source(camera.url, settings=_HASTY) as source:
        first, second = levels_of(take(source, 2))
        assert first != second  # it is another connection's
        assert source.status.reconnects >= 1
        until(lambda: "Nothing has come for 2 seconds" in source.status.problem)
        assert source.status.state == "stalled"


def test_a_camera_that_sends_only_rubbish_is_left_and_tried_again() -> None:
    def play(number: int, send: Send) -> None:
        send(part(jpeg(50 + 50 * number % 200)))
        while not camera.done.wait(0.02):
            send(part(b"\0rubbish" * 50))

    with MjpegCamera(play) as camera, open_source(camera.url, settings=_HASTY) as source:
        first, second = levels_of(take(source, 2))
        assert first != second
        until(lambda: "No whole picture has come" in source.status.problem)


def _ends(source: Source) -> set[str]:
    """Return what a source says each time it is lost, until it was twice."""
    problems = []
    source._settings = replace(
        _PATIENT, sleep=lambda _: problems.append(source.status.problem) or time.sleep(0.01)
    )
    with source:
        until(lambda: len(problems) > 1)
        assert source.status.received > 0
        assert source.status.broken == 0
        assert source.live
    return set(problems)


def test_a_stream_that_breaks_off_is_opened_again(tmp_path: Path) -> None:
    write_video(tmp_path / "a.ts", _LEVELS)
    content = (tmp_path / "a.ts").read_bytes()
    with MjpegCamera(lambda _, send: send(content), content="video/mp2t") as camera:
        problems = _ends(open_source(camera.url))
    assert problems == {"The connection broke off. Trying again in 0.05 s."}


def test_a_stream_that_ends_in_good_order_is_opened_again() -> None:
    address = Address("webcam", "testsrc=size=64x48:rate=100:duration=0.2", "lavfi")
    problems = _ends(Source(address, "test", 1, None, _PATIENT))
    assert problems == {"The connection was closed at the other end. Trying again in 0.05 s."}


def test_a_camera_that_is_not_there_yet_shows_no_password() -> None:
    problems, tries = set(), threading.Semaphore(0)

    def sleep(seconds: float) -> None:
        problems.add(source.status.problem)
        tries.release()
        time.sleep(0.02)

    chosen = replace(_PATIENT, sleep=sleep)
    with MjpegCamera(lambda *_: None) as gone:
        pass
    url = f"http://admin:s3cret@127.0.0.1:{gone.port}/stream?pwd=s3cret"
    source = open_source(url, settings=chosen)
    assert source.name == f"http://127.0.0.1:{gone.port}/stream"
    with source:
        until(lambda: tries.acquire(blocking=False))
        assert source.status.state == "waiting"
    assert problems == {"It cannot be opened (Connection refused). Trying again in 0.05 s."}


def test_user_and_password_are_used() -> None:
    def play(_: int, send: Send) -> None:
        send(part(jpeg(10)) + b"--cut\r\n")
        camera.stall()

    with MjpegCamera(play, key="Basic YWRtaW46czNjcmV0") as camera:
        url = camera.url.replace("//", "//admin:s3cret@")
        with open_source(url) as source:
            take(source, 1)
            camera.done.set()
        assert "s3cret" not in repr(vars(source))
        with open_source(url.replace("s3cret", "gue55ed"), settings=_PATIENT) as source:
            until(lambda: source.status.problem)
            assert "401" in source.status.problem
            assert "gue55ed" not in source.status.problem


@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8"])
def test_a_whole_video_on_a_web_server_is_read_as_a_file(tmp_path: Path, name: str) -> None:
    options = {"options": {"hls_time": "1", "hls_list_size": "0"}} if name == "a.m3u8" else {}
    write_video(tmp_path / name, _LEVELS, **options)
    with web_folder(tmp_path) as url, open_source(f"{url}/{name}") as source:
        frames = take_all(source)
        assert not source.live
    assert np.abs(np.array(levels_of(frames)) - _LEVELS).max() <= 3
    assert (source.status.state, source.status.dropped) == ("ended", 0)


def test_a_whole_video_that_breaks_off_fails_and_gives_no_frame_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, _LEVELS, noise=True, options={"movflags": "faststart"})
    content = path.read_bytes()

    def play(_: int, send: Send) -> None:
        send(content[: len(content) // 2])

    with (
        MjpegCamera(play, content="video/mp4") as camera,
        open_source(camera.url, settings=_PATIENT) as source,
    ):
        frames = take_all(source)
    assert 0 < len(frames) < len(_LEVELS)
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert (source.status.state, camera.connections) == ("failed", 1)
    assert source.status.problem == "The connection broke off. Check that it is a whole video."


def test_a_device_is_read_like_a_webcam() -> None:
    # No kernel here has a loop of its own; FFmpeg's test picture is a device to it all the same.
    address = Address("webcam", "testsrc=size=64x48:rate=1000", "lavfi")
    with Source(address, "test", 1, None, SourceSettings()) as source:
        first, second = take(source, 2)
        assert second.number > first.number
        assert first.pixels.shape == (48, 64, 3)
        assert source.live


def test_a_webcam_that_is_not_there_is_waited_for() -> None:
    with open_source("999", settings=_HASTY) as source:
        until(lambda: source.status.reconnects > 1)
        assert source.next(0) is None
        assert source.status.state == "waiting"
    assert "No such file or directory" in source.status.problem
    assert source.status.state == "ended"
