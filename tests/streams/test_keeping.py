# SPDX-License-Identifier: Apache-2.0
"""Sinks that files wait for, beside live cameras that never wait."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from trunkline.streams.bounded import BoundedQueue
from trunkline.streams.ends import HoldsFiles
from trunkline.streams.keeping import KeepingSink
from trunkline.streams.rules import Camera
from trunkline.streams.sink_jsonl import JsonLinesOutput
from trunkline.streams.sink_video import Video
from trunkline.streams.watching import Watcher
from watchfakes import (
    PATIENCE,
    FakeModels,
    FakeSink,
    FakeSource,
    FakeTime,
    classified,
    frame,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import numpy as np

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Sight

_SIZE = 4


class _Slow(KeepingSink):
    """Notes what it is given, each when a test lets it; time stands still but for the test."""

    def __init__(self) -> None:
        super().__init__("slow", size=_SIZE)
        self.time = FakeTime()
        self._queue = BoundedQueue(_SIZE, lambda s: s.frame.stream, clock=self.time)
        self.let, self.taken = threading.Semaphore(0), 0
        self.got: list[tuple[str, int]] = []
        self._start()

    def _items(self, sight: Sight) -> tuple[Sight]:
        return (sight,)

    def _deliver(self, item: Sight) -> None:
        self.taken += 1
        self.let.acquire()
        if self._abandoned.is_set():
            raise OSError
        self.got.append((item.frame.stream, item.frame.number))

    def _interrupt(self) -> None:
        self.let.release(1000)


def cat(_: np.ndarray) -> Prediction:
    return classified("cat")


def _watcher(sink: _Slow, count: int = 50, *, threads: int = 2) -> Watcher:
    source = FakeSource([frame(n) for n in range(count)])
    return Watcher(FakeModels(a=cat), [Camera(source)], sinks=[sink], threads=threads)


def _run(watcher: Watcher) -> threading.Thread:
    thread = threading.Thread(target=watcher.run)
    thread.start()
    return thread


def _iterate(watcher: Watcher) -> threading.Thread:
    thread = threading.Thread(target=list, args=(watcher,))
    thread.start()
    return thread


def _ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE)
    return not thread.is_alive()


@pytest.mark.parametrize("begin", [_run, _iterate])
def test_a_file_waits_for_a_sink_and_the_sink_gets_all_of_it(
    begin: Callable[[Watcher], threading.Thread],
) -> None:
    sink = _Slow()
    watcher = _watcher(sink)
    runner = begin(watcher)
    until(lambda: sink.is_full)
    until(lambda: watcher._lanes[0].is_full)
    until(lambda: watcher._lanes[0].in_flight == 0)
    # One under way, those that wait, and what two workers had in hand.
    assert watcher.figures().cameras[0].frames <= 1 + _SIZE + 2
    for number in range(50):
        until(lambda: sink.taken == number + 1)  # noqa: B023 - at once
        sink.let.release()
    assert _ended(runner)
    assert sink.got == [("door", n) for n in range(50)]
    assert (sink.dropped, sink.problem) == (0, "")


def test_what_a_sink_still_holds_of_a_film_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.streams.watching._FLUSH", 0.0)
    sink = _Slow()
    watcher = _watcher(sink, _SIZE)
    runner = _run(watcher)
    until(lambda: watcher._board.wait_until_ended(0))
    assert not watcher._passing.flush(0)
    assert not watcher._closed
    sink.let.release(_SIZE)
    assert _ended(runner)
    assert len(sink.got) == _SIZE
    assert sink.dropped == 0


def test_who_asks_for_the_end_does_not_wait_for_a_film() -> None:
    sink = _Slow()
    watcher = _watcher(sink, _SIZE)
    close = watcher.close
    watcher.close = lambda: close(0)  # type: ignore[method-assign]
    runner = _run(watcher)
    until(lambda: watcher._board.wait_until_ended(0))
    watcher.stop()
    assert _ended(runner)
    assert len(sink.got) + sink.dropped == _SIZE


def test_a_sink_that_hangs_holds_no_file_for_ever() -> None:
    sink = _Slow()
    watcher = _watcher(sink)
    close = watcher.close
    watcher.close = lambda: close(0)  # type: ignore[method-assign]
    runner = _run(watcher)
    until(lambda: watcher._lanes[0].is_full and sink.is_full)
    sink.time.now += 60
    assert _ended(runner)
    (camera,), (figures,) = watcher.figures().cameras, watcher.figures().sinks
    assert camera.frames == 50
    assert figures.dropped == figures.dropped_by_camera["door"] == 50 - len(sink.got)


def test_live_cameras_wait_for_no_sink_and_take_no_place_of_a_film() -> None:
    sink, all_seen = _Slow(), FakeSink()
    film = FakeSource([frame(n, "film") for n in range(20)], name="film")

    def coming() -> Iterable[object]:
        until(lambda: sink.is_full)
        yield from (frame(n, "live") for n in range(100))

    live = FakeSource(coming(), name="live", live=True)  # type: ignore[arg-type]
    cameras = [Camera(film), Camera(live)]
    watcher = Watcher(FakeModels(a=cat), cameras, sinks=[sink, all_seen], threads=2)
    runner = _run(watcher)
    until(lambda: watcher._lanes[1].ended and watcher._lanes[1].is_idle)
    assert any(s.frame.stream == "live" for s in all_seen.sights)
    assert not watcher._lanes[0].ended
    sink.let.release(1000)
    assert _ended(runner)
    assert [n for stream, n in sink.got if stream == "film"] == list(range(20))
    assert set(sink.dropped_by_camera) <= {"live"}


def test_who_is_waited_for(tmp_path: Path) -> None:
    for sink in (JsonLinesOutput(), Video(tmp_path / "a.mp4")):
        sink.close(PATIENCE)
        assert isinstance(sink, HoldsFiles)
    assert not isinstance(FakeSink(), HoldsFiles)
