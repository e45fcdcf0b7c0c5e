# SPDX-License-Identifier: Apache-2.0
"""Live JPEG pictures, decoded when somebody takes them, or to see how the camera is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import av
import pytest

from trunkline.streams.frames import NO_PIXELS, Exposure
from trunkline.streams.jpegs import JpegDecoder
from trunkline.streams.outlet import SpoiltError
from trunkline.streams.rules import Camera
from trunkline.streams.sources import SourceSettings, open_source
from trunkline.streams.watching import Watcher
from videos import MjpegCamera, jpeg, levels_of, part, take, until
from watchfakes import FakeModels, FakeSink, FakeSource, FakeTime, classified, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from trunkline.predictions import Prediction

_PATIENT = SourceSettings(patience=60.0, longest_pause=0.05)


def _damaged(level: int) -> bytes:
    """Return a picture that begins and ends as it should, and is rubbish between."""
    content = jpeg(level, noise=True)
    middle = len(content) * 2 // 3
    return content[:middle] + b"\xff\xd9\xff\xd8" * 40 + content[-2:]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What was decoded late, counted."""
    counts: Counter[str] = Counter()
    decode = JpegDecoder.decode

    def counting(self: JpegDecoder, content: bytes) -> av.VideoFrame:
        counts["late"] += 1
        return decode(self, content)

    monkeypatch.setattr(JpegDecoder, "decode", counting)
    return counts


def test_a_picture_waits_only_beside_one_that_was_looked_at() -> None:
    time = FakeTime()
    decoder = JpegDecoder(av, None, time)
    whole = jpeg(100)
    assert not decoder.may_wait(whole)
    decoder.look(64, 48, 0)
    assert decoder.shape == (64, 48, 0)
    assert decoder.may_wait(whole)
    assert decoder.may_wait(whole + bytes(40) + b"\r\n")
    for other in (whole[:-2], b"rubbish", b"", whole[2:], whole + bytes(100)):
        assert not decoder.may_wait(other)
    time.now += 0.9
    assert decoder.may_wait(whole)
    time.now += 0.1
    assert not decoder.may_wait(whole)


def test_pictures_are_decoded_and_damaged_ones_harm_no_other() -> None:
    decoder = JpegDecoder(av, None, FakeTime())
    for spoilt in (_damaged(1), b"rubbish", jpeg(7, noise=True)[:3000]):
        with pytest.raises(SpoiltError):
            decoder.decode(spoilt)
        image = decoder.decode(jpeg(100, (96, 64)))
        assert (image.width, image.height) == (96, 64)
        assert abs(image.to_ndarray(format="rgb24").mean() - 100) < 3


def test_a_decoder_that_gives_nothing_or_half_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = JpegDecoder(av, None, FakeTime())
    for given in ([], [SimpleNamespace(is_corrupt=True)]):
        fake = SimpleNamespace(decode=lambda _, given=given: given)
        monkeypatch.setattr(decoder, "_context", fake)
        with pytest.raises(SpoiltError):
            decoder.decode(jpeg(1))


def test_what_nobody_takes_is_not_decoded(decoded: Counter[str]) -> None:
    def play(_: int, send: Callable[[bytes], None]) -> None:
        for level in range(0, 200, 10):
            send(part(jpeg(level)))
        send(b"--cut\r\n")
        camera.stall()

    still = replace(_PATIENT, clock=FakeTime())
    with MjpegCamera(play) as camera, open_source(camera.url, settings=still) as source:
        until(lambda: source.status.received == 20)
        status = source.status
        assert (status.width, status.height, status.dropped) == (64, 48, 19)
        assert not decoded
        (newest,) = take(source, 1)
        assert (newest.number, levels_of([newest])) == (19, [190])
        assert decoded["late"] == 1
        camera.done.set()


def test_now_and_then_one_is_decoded_to_see_its_size(decoded: Counter[str]) -> None:
    time = FakeTime()

    def play(_: int, send: Callable[[bytes], None]) -> None:
        send(part(jpeg(10)))
        send(part(jpeg(20, (96, 64))) + b"--cut\r\n")
        until(lambda: source.status.received == 2)
        assert source.status.width == 64
        time.now += 1.0
        send(part(jpeg(30, (96, 64)))[len(b"--cut\r\n") :] + b"--cut\r\n")
        camera.stall()

    settings = replace(_PATIENT, clock=time)
    with MjpegCamera(play) as camera, open_source(camera.url, settings=settings) as source:
        until(lambda: source.status.received == 3)
        assert (source.status.width, source.status.height) == (96, 64)
        camera.done.set()
    assert not decoded


def test_a_picture_can_be_decoded_once_its_connection_is_closed() -> None:
    def play(_: int, send: Callable[[bytes], None]) -> None:
        send(part(jpeg(10)) + part(jpeg(20)) + b"--cut\r\n")
        camera.stall()

    settings = replace(_PATIENT, clock=FakeTime())
    with MjpegCamera(play) as camera, open_source(camera.url, settings=settings) as source:
        until(lambda: source.status.received == 2)
        exposure = source.take(0)
        camera.done.set()
    assert exposure is not None
    assert exposure.frame.pixels.size == 0
    developed = exposure.develop()
    assert developed is not None
    assert levels_of([developed]) == [20]
    assert (developed.stream, developed.number, developed.at) == (
        source.name,
        exposure.frame.number,
        exposure.frame.at,
    )


def test_damage_that_shows_late_is_counted_and_the_next_is_watched() -> None:
    sink = FakeSink()

    def look(pixels: np.ndarray) -> Prediction:
        return classified("cat" if pixels.mean() > 128 else "dog")

    def play(_: int, send: Callable[[bytes], None]) -> None:
        send(part(jpeg(10)) + b"--cut\r\n")
        until(lambda: len(sink.sights) == 1)
        for number in range(1, 4):
            send(part(_damaged(number))[len(b"--cut\r\n") :] + b"--cut\r\n")
            until(lambda: source.status.broken == number)  # noqa: B023 - at once
        send(part(jpeg(200))[len(b"--cut\r\n") :] + b"--cut\r\n")
        until(lambda: len(sink.sights) == 2)
        camera.stall()

    settings = replace(_PATIENT, clock=FakeTime())
    with MjpegCamera(play) as camera:
        source = open_source(camera.url, settings=settings, name="door")
        with Watcher(FakeModels(a=look), [Camera(source)], sinks=[sink], threads=2) as watcher:
            watcher.start()
            until(lambda: len(sink.sights) == 2)
            until(lambda: watcher._lanes[0].is_idle)
            (figures,) = watcher.figures().cameras
            status = source.status
            camera.done.set()
    assert [s.frame.number for s in sink.sights] == [0, 4]
    assert [s.answers["a"].label for s in sink.sights] == ["dog", "cat"]
    assert (status.received, status.dropped, status.broken, status.problem) == (5, 3, 3, "")
    assert (figures.frames, figures.dropped) == (2, {"source": 3})
    assert figures.models[0].answers == 2


class _Later(FakeSource):
    """Gives frames that are developed later, but for the third, which cannot be."""

    taken = 0

    def take(self, timeout: float) -> Exposure | None:
        found = self.next(timeout)
        self.taken += 1
        if found is None:
            return None
        bare = replace(found, pixels=NO_PIXELS)
        return Exposure(bare, lambda: None if found.number == 2 else found)


@pytest.mark.parametrize(("still", "numbers"), [(None, [0, 1, 3]), (1.0, [0, 1, 2, 3])])
def test_whether_a_frame_is_still_is_seen_as_it_comes(
    still: float | None, numbers: list[int]
) -> None:
    sink, shown = FakeSink(), []

    def look(pixels: np.ndarray) -> Prediction:
        shown.append(int(pixels[0, 0, 0]))
        return classified("cat")

    source = _Later([frame(n, level=50 * n) for n in range(4)])
    Watcher(FakeModels(a=look), [Camera(source, still=still)], sinks=[sink], threads=3).run()
    assert [s.frame.number for s in sink.sights] == numbers
    assert sorted(shown) == [50 * n for n in numbers]
    assert bool(source.taken) == (still is None)
