# SPDX-License-Identifier: Apache-2.0
"""Live cameras whose every picture is a JPEG: only those that are wanted are decoded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trunkline.streams.outlet import SpoiltError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from av import VideoCodecContext, VideoFrame

__all__ = ["EXPLODE", "JpegDecoder"]

EXPLODE = {"err_detect": "explode"}
"""For FFmpeg's decoder: of half a picture the rest would be grey, and unmarked."""

_LOOK = 1.0  # seconds between pictures that are decoded whether somebody wants them or not
_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"
_PADDED = 64  # bytes in which the end is looked for


class JpegDecoder:
    """Decodes one connection's pictures, from any thread and though it is closed by then.

    Args:
        av: PyAV.
        extradata: What the stream has told of itself.
        clock: Monotonic seconds.

    Attributes:
        shape: The last picture's that was looked at, as for ``look``.
    """

    def __init__(self, av: ModuleType, extradata: bytes | None, clock: Callable[[], float]) -> None:
        self._av = av
        self._context: VideoCodecContext = av.CodecContext.create("mjpeg", "r")
        self._context.options = EXPLODE
        self._context.thread_count = 1  # the engine has the other cores
        self._context.extradata = extradata
        self._lock = threading.Lock()
        self._clock = clock
        self._looked = float("-inf")
        self.shape = 0, 0, 0

    def look(self, width: int, height: int, turns: int) -> None:
        """Note what a picture was like that was decoded at once; those of the next moment may wait.

        Args:
            width: Upright, in pixels.
            height: As width.
            turns: By how many quarters it has to be turned for that, counterclockwise.
        """
        self.shape = width, height, turns
        self._looked = self._clock()

    def may_wait(self, content: bytes) -> bool:
        """Return whether a picture seems whole, and another was a moment ago.

        Where it may not wait, decoding it tells its size, or that the camera sends rubbish.
        """
        if self._clock() - self._looked >= _LOOK:
            return False
        return content.startswith(_BEGIN) and content[-_PADDED:].rstrip(b"\0\r\n").endswith(_END)

    def decode(self, content: bytes) -> VideoFrame:
        """Return a picture as FFmpeg has it.

        Raises:
            SpoiltError: It is not whole.
        """
        try:
            with self._lock:
                images = self._context.decode(self._av.Packet(content))
        except self._av.error.FFmpegError as error:
            raise SpoiltError from error
        if not images or images[0].is_corrupt:
            raise SpoiltError
        return images[0]
