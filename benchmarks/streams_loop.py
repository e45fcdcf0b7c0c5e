# SPDX-License-Identifier: Apache-2.0
"""The while-loop that programs around such exports have: cameras in turn, models in turn."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from streams_record import PATIENCE, REST, SETTLE, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams_cameras import Pixels

    Predict = Callable[[Any], Mapping[str, Mapping[str, float]]]

__all__ = ["watch_in_turn"]

_LEAST, _MOST = 3, 20.0
"""Answers that are waited for, and for how many seconds at most."""


def watch_in_turn(predict: Predict, urls: Sequence[str], seconds: float) -> Record:
    """Ask all models about the newest frame of one camera after another.

    A thread for each camera keeps its newest frame. Without it frames would wait in buffers, and
    the loop would fall behind for good.

    Args:
        predict: Answers for a frame, RGB.
        urls: The cameras.
        seconds: For how long to count; longer where that brings fewer than 3 answers.

    Raises:
        RuntimeError: A camera cannot be read.
    """
    record, newest = Record(), _Newest(urls)

    def until(over: Callable[[], bool]) -> None:
        import cv2

        while not over():
            camera, frame = newest.take()
            predict(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            record.see(camera, frame)

    def is_enough() -> bool:
        passed = time.monotonic() - record.begun
        return passed >= seconds and (len(record.frames) - before >= _LEAST or passed >= _MOST)

    try:
        until(lambda: record.has_seen(len(urls)))
        settled = time.monotonic() + SETTLE
        until(lambda: time.monotonic() >= settled)
        before = len(record.frames)
        record.begin()
        until(is_enough)
        record.end()
        until(lambda: time.monotonic() >= record.ended + REST)
    finally:
        newest.close()
    return record


class _Newest:
    """The newest frame of each camera, until it is taken."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._changed = threading.Condition()
        self._frames: dict[int, Pixels] = {}
        self._count = len(urls)
        self._last = -1
        self._closed = False
        self._threads = [
            threading.Thread(target=self._read, args=each, daemon=True) for each in enumerate(urls)
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, camera: int, url: str) -> None:
        import cv2

        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
        while not self._closed:
            is_read, frame = capture.read()
            if not is_read:
                break
            with self._changed:
                self._frames[camera] = frame
                self._changed.notify()
        capture.release()

    def take(self) -> tuple[int, Pixels]:
        """Return the next camera that has a new frame, and the frame; wait for one.

        Raises:
            RuntimeError: None came.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._frames, PATIENCE):
                raise RuntimeError("no camera can be read any more")
            camera = min(self._frames, key=lambda each: (each - self._last - 1) % self._count)
            self._last = camera
            return camera, self._frames.pop(camera)

    def close(self) -> None:
        """Read no more."""
        self._closed = True
        for thread in self._threads:
            thread.join(PATIENCE)
