# SPDX-License-Identifier: Apache-2.0
"""The sink ``video:FILE.mp4``: the frames, with what the models said drawn over them."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING

from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.streams.drawing import drawn
from trunkline.streams.keeping import KeepingSink
from trunkline.streams.queues import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Sight

__all__ = ["Video"]

# Frames are large: eight of a full HD camera are 50 MB.
_SIZE = 8

# After a failure, frames of so many seconds are dropped before another file is begun.
_PAUSE = 10.0

# How long an answer is shown when its model is not asked about every frame, in seconds.
_SHOWN = 2.0

_TICKS = 1000  # a second, in the file
# No frames wait in the encoder, where forty of a full HD camera would be 120 MB.
_OPTIONS = {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}
# Frames between two that can be sought; what is before the last is safe if the process is killed.
_GROUP = 30
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}


class Video(KeepingSink):
    """Writes H.264 at the pace at which the frames came.

    The first stream's file is FILE.mp4. When there are more streams, each has FILE-STREAM.mp4, the
    first one, too. A file that is there already is never overwritten: the next is FILE.2.mp4, and
    so it is when a stream changes its resolution.

    Args:
        path: The file; its name ends in ``.mp4``.
        size: The most frames that wait.

    Raises:
        MissingExtraError: ``av`` is not installed.
        TrunklineError: It is no name of an MP4 file in a folder that is there.
    """

    def __init__(self, path: Path, *, size: int = _SIZE) -> None:
        try:
            import av  # noqa: F401 - to tell now instead of at the first frame
        except ImportError as error:
            raise MissingExtraError("The sink video", package="av", extra="watch") from error
        if path.suffix.lower() != ".mp4":
            raise TrunklineError(f"{path}: a video's name must end in .mp4.")
        if not path.parent.is_dir():
            raise TrunklineError(f"{path}: there is no folder {path.parent}.")
        super().__init__(str(path), size=size)
        self._path = path
        self._recorders: dict[str, _Recorder] = {}
        self._start()

    def _items(self, sight: Sight) -> tuple[Sight]:
        return (sight,)

    def _deliver(self, item: Sight) -> None:
        recorder = self._recorder(item.frame.stream)
        recorder.check(item.frame.at)
        try:
            recorder.add(item)
        except OSError as error:  # PyAV's errors are, too
            recorder.fail(item.frame.at, f"{self.name} cannot be written: {error.strerror}.")
            recorder.check(item.frame.at)

    def _recorder(self, stream: str) -> _Recorder:
        if stream not in self._recorders:
            if not self._recorders:
                self._recorders[stream] = _Recorder(self._path)
            else:
                self._part_first()
                self._recorders[stream] = _Recorder(self._named(stream))
        return self._recorders[stream]

    def _part_first(self) -> None:
        """Give the first stream's files its name, now that there is a second."""
        if len(self._recorders) == 1:
            ((stream, recorder),) = self._recorders.items()
            recorder.rename(self._named(stream))

    def _named(self, stream: str) -> Path:
        return self._path.with_stem(f"{self._path.stem}-{_file_name(stream)}")

    def _finish(self) -> None:
        for recorder in self._recorders.values():
            try:
                recorder.close()
            except OSError as error:
                problem = f"{self.name} could not be finished: {error.strerror}."
                raise DeliveryError(problem) from error


class _Recorder:
    """The files of one stream."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: list[Path] = []
        self._file: _File | None = None
        self._shown: dict[str, tuple[float, Prediction]] = {}
        self._failed: tuple[float, str] | None = None

    def check(self, at: float) -> None:
        """Raise the problem of a moment ago again, so that a full disk gets no file per frame."""
        if self._failed and abs(at - self._failed[0]) < _PAUSE:
            raise DeliveryError(self._failed[1])
        self._failed = None

    def fail(self, at: float, problem: str) -> None:
        """Give the file up; what is in it can be played."""
        self._failed = at, problem
        with suppress(OSError):
            self.close()

    def add(self, sight: Sight) -> None:
        frame = sight.frame
        self._shown |= {model: (frame.at, answer) for model, answer in sight.answers.items()}
        self._shown = {
            model: (at, answer)
            for model, (at, answer) in self._shown.items()
            if frame.at - at <= _SHOWN
        }
        answers = {model: answer for model, (_, answer) in self._shown.items()}
        self._file_for(frame.pixels).add(drawn(frame.pixels, answers), frame.at)

    def _file_for(self, pixels: NDArray[np.uint8]) -> _File:
        if self._file is None or self._file.shape != pixels.shape:
            self.close()
            path = _free(self._path)
            self._file = _File(path, pixels.shape)
            self._written.append(path)
        return self._file

    def rename(self, path: Path) -> None:
        """Give every file another name; one that is being written goes on under it."""
        self._path = path
        self._written = [old.rename(_free(path)) for old in self._written]

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


class _File:
    """One video of one size; odd pixels at the right and lower edge are cut off."""

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        import av

        self.shape = shape
        height, width = (side - side % 2 for side in shape[:2])
        if not height or not width:
            raise DeliveryError(f"{path}: pictures of one pixel make no video.")
        self._height, self._width = height, width
        self._container = av.open(str(path), "w", format="mp4", options=_FRAGMENTED)
        self._stream = self._container.add_stream("libx264", _TICKS, options=_OPTIONS)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.gop_size = _GROUP
        context.thread_count = 1  # the cores are the models'
        self._container.start_encoding()  # the file is there from now on
        self._start: float | None = None
        self._last = -1

    def add(self, pixels: NDArray[np.uint8], at: float) -> None:
        import av

        self._start = at if self._start is None else self._start
        # A clock that was set back must not stop the film.
        self._last = max(self._last + 1, round((at - self._start) * _TICKS))
        frame = av.VideoFrame.from_ndarray(pixels[: self._height, : self._width], format="rgb24")
        frame.pts = self._last
        frame.time_base = Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def _file_name(stream: str) -> str:
    """Return a stream's name as part of a file's name."""
    return re.sub(r"[^\w.-]+", "_", stream).strip("_.")[:100] or "stream"


def _free(path: Path) -> Path:
    """Return the path, or the first of FILE.2.mp4, FILE.3.mp4, ... that is not there."""
    names = (path if n == 1 else path.with_stem(f"{path.stem}.{n}") for n in count(1))
    return next(name for name in names if not name.exists())
