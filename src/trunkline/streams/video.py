# SPDX-License-Identifier: Apache-2.0
"""Reading videos and cameras with PyAV."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import numpy as np

from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.streams.jpegs import EXPLODE, JpegDecoder
from trunkline.streams.reconnecting import LostError, Watchdog, keep_connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction
    from types import ModuleType

    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.error import FFmpegError
    from numpy.typing import NDArray

    from trunkline.streams.addresses import Address
    from trunkline.streams.outlet import Outlet
    from trunkline.streams.settings import SourceSettings

__all__ = ["read_video", "require_av"]

# What a frame rate is taken for where neither the frames nor the file tell.
_USUAL_RATE = 25.0


def require_av() -> ModuleType:
    """Return PyAV.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(
            "Reading videos and cameras", package="av", extra="watch"
        ) from error
    return av


def read_video(address: Address, outlet: Outlet, settings: SourceSettings) -> None:
    """Put a video's or a camera's frames out until it ends or nobody wants more.

    Raises:
        TrunklineError: A video that is no live source cannot be read.
    """
    reader = _Reader(address, outlet, settings)
    if address.live:
        sleep = settings.sleep or outlet.wait
        keep_connected(reader.read, outlet, longest_pause=settings.longest_pause, sleep=sleep)
        return
    try:
        reader.read(lambda: None)
    except LostError as error:
        raise _unreadable(error) from error


class _Reader:
    """Opens a source and reads it to its end, any number of times."""

    def __init__(self, address: Address, outlet: Outlet, settings: SourceSettings) -> None:
        self._address = address
        self._outlet = outlet
        self._settings = settings
        self._av = require_av()

    def read(self, fed: Callable[[], None]) -> None:
        """Read it once.

        Args:
            fed: Called at each picture.

        Raises:
            LostError: It cannot be opened or read, or a live source has ended or stalled.
            TrunklineError: A video on a web server broke off; from its start it would give
                frames twice.
        """
        with self._open() as container:
            if not container.streams.video:
                raise LostError("there is no video in it")
            # A server may also have a whole video: nothing of it is late, and it has an end.
            live = self._address.live
            if self._address.kind == "http" and container.duration is not None:
                self._outlet.slot.keep_all()
                live = False
            try:
                self._pass_on(container, fed, live=live)
            except LostError as error:
                if live:
                    raise
                raise _unreadable(error) from error
            if live and not self._outlet.stopped():
                raise LostError("the connection was closed at the other end")

    def _open(self) -> InputContainer:
        # A disk that sleeps may take longer than any patience.
        timeout = self._settings.patience if self._address.live else None
        try:
            container: InputContainer = self._av.open(
                self._address.target,
                format=self._address.format,
                options=self._address.options,
                timeout=timeout,
            )
        except self._av.error.FFmpegError as error:
            raise LostError(self._words("opened", error)) from None
        return container

    def _pass_on(self, container: InputContainer, fed: Callable[[], None], *, live: bool) -> None:
        stream = container.streams.video[0]
        context = stream.codec_context
        context.thread_count = 1  # the engine has the other cores
        jpegs = None
        if context.name == "mjpeg":
            context.options = {**context.options, **EXPLODE}
            if live:
                jpegs = JpegDecoder(self._av, context.extradata, self._settings.clock)
        watchdog = Watchdog(self._settings.patience, self._settings.clock)
        timeline = _Timeline(self._settings.now(), stream.average_rate)
        for packet in self._packets(container, stream):
            # Before decoding, which takes its time, too.
            came = self._settings.now()
            if jpegs and self._offer_later(jpegs, bytes(packet), came):
                continue
            for image in self._decode(packet):
                at = came if live else timeline.at(image.time)
                _offer(self._outlet, image, at)
                fed()
                watchdog.feed()
                if jpegs:
                    jpegs.look(*_upright(image))
            if self._outlet.stopped():
                return
            if live:
                watchdog.check()

    def _offer_later(self, jpegs: JpegDecoder, content: bytes, at: float) -> bool:
        if self._outlet.stopped() or not jpegs.may_wait(content):
            return False
        width, height, turns = jpegs.shape
        self._outlet.offer(at, width, height, lambda: _pixels(jpegs.decode(content), turns))
        return True

    def _packets(
        self, container: InputContainer, stream: VideoStream
    ) -> Iterator[Packet[VideoStream]]:
        try:
            yield from container.demux(stream)
        except self._av.error.FFmpegError as error:
            raise LostError(self._words("read", error)) from None

    def _decode(self, packet: Packet[VideoStream]) -> Iterator[VideoFrame]:
        """Yield a packet's whole pictures; half ones and rubbish are counted."""
        try:
            images = packet.decode()
        except self._av.error.FFmpegError:
            self._outlet.journal.broken()
            return
        for image in images:
            if image.is_corrupt:
                self._outlet.journal.broken()
            else:
                yield image

    def _words(self, done: str, error: FFmpegError) -> str:
        """Say what FFmpeg says, less the address: its own message has it, password and all."""
        if isinstance(error, self._av.error.ExitError):
            return f"nothing has come for {self._settings.patience:g} seconds"
        if self._address.live and error.errno == errno.EIO:
            return "the connection broke off"
        return f"it cannot be {done} ({error.strerror})"


class _Timeline:
    """The times of a file's frames.

    Args:
        opened: When the first came, in seconds since 1970.
        rate: Frames a second, if known, for frames that bear no time.
    """

    def __init__(self, opened: float, rate: Fraction | None) -> None:
        self._opened = opened
        self._step = 1 / float(rate or _USUAL_RATE)
        self._first: float | None = None
        self._last = opened - self._step

    def at(self, time: float | None) -> float:
        """Return when a frame would have come."""
        if time is None:
            self._last += self._step
            return self._last
        if self._first is None:
            self._first = time - (self._last + self._step - self._opened)
        self._last = self._opened + time - self._first
        return self._last


def _offer(outlet: Outlet, image: VideoFrame, at: float) -> None:
    width, height, turns = _upright(image)
    outlet.offer(at, width, height, lambda: _pixels(image, turns))


def _upright(image: VideoFrame) -> tuple[int, int, int]:
    """Return a picture's width and height once it is turned, and by how many quarters."""
    turns = round(image.rotation / 90) % 4
    if turns % 2:
        return image.height, image.width, turns
    return image.width, image.height, turns


def _pixels(image: VideoFrame, turns: int) -> NDArray[np.uint8]:
    """Return a picture as RGB, turned counterclockwise by so many quarters."""
    # One thread: the scaler's own pool would take cores that the engine counts on.
    array = np.asarray(image.reformat(format="rgb24", threads=1).to_ndarray(), np.uint8)
    return np.ascontiguousarray(np.rot90(array, turns)) if turns else array


def _unreadable(error: LostError) -> TrunklineError:
    words = str(error)
    return TrunklineError(f"{words[:1].upper()}{words[1:]}. Check that it is a whole video.")
