# SPDX-License-Identifier: Apache-2.0
"""Sources of frames: cameras, videos, and folders of pictures."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from trunkline.errors import TrunklineError
from trunkline.streams.addresses import find_address, public_name
from trunkline.streams.folders import follow_pictures, read_pictures
from trunkline.streams.outlet import Outlet
from trunkline.streams.sampling import Sampler
from trunkline.streams.settings import SourceSettings
from trunkline.streams.slots import EndOfStream, FrameSlot
from trunkline.streams.status import Journal, SourceStatus
from trunkline.streams.video import read_video, require_av

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.streams.addresses import Address
    from trunkline.streams.frames import Exposure, Frame

__all__ = ["EndOfStream", "Source", "SourceSettings", "SourceStatus", "open_source"]

# What closing waits for beyond the patience within which any connection lets go.
_GRACE = 5.0


def open_source(
    text: str,
    *,
    name: str | None = None,
    every: int = 1,
    fps: float | None = None,
    settings: SourceSettings | None = None,
) -> Source:
    """Name a source; it is opened by ``start()``, in a thread of its own.

    Args:
        text: A webcam's number or ``/dev/videoN``; an address (``rtsp://``, ``rtsps://``,
            ``http://`` or ``https://``: MJPEG, HLS or a whole video); or the path of a video, of
            a picture, or of a folder of pictures.
        name: What its frames and messages call it; without it, ``text`` less user, password and
            query.
        every: Only every n-th frame.
        fps: Only so many frames a second, by the frames' own times. Pictures in a folder have
            none: of them all are given, their times so far apart.
        settings: How it is read, where not the usual way.

    Raises:
        TrunklineError: The source cannot be meant, there is no such file, or a number is out of
            range. A camera that is not there is no error: it is waited for.
        MissingExtraError: PyAV is needed, and not installed.
    """
    settings = settings or SourceSettings()
    address = find_address(text, settings)
    if address.kind != "pictures":
        require_av()
    return Source(address, name or public_name(text), every, fps, settings)


class Source:
    """Frames from one camera, video or folder; made by ``open_source``.

    Of a live source the newest frame is kept, and late ones are dropped and counted. Of a video
    or a folder every frame is given, in order, and no more are read than are taken.

    It is a context manager that starts and closes it.
    """

    def __init__(
        self, address: Address, name: str, every: int, fps: float | None, settings: SourceSettings
    ) -> None:
        self.name = name
        self._address = address
        self._settings = settings
        self._fps = fps
        self._slot: FrameSlot[Exposure] = FrameSlot(newest=address.live, size=settings.backlog)
        self._journal = Journal(settings.patience, settings.clock)
        pictures = address.kind == "pictures"
        sampler = Sampler(every, fps)
        if pictures:
            sampler = Sampler(every)
        self._outlet = Outlet(name, sampler, self._slot, self._journal)
        self._thread = threading.Thread(target=self._run, name=f"source {name}", daemon=True)

    @property
    def live(self) -> bool:
        """Whether late frames are dropped. A whole video on a web server shows once it is open."""
        return self._slot.newest

    @property
    def status(self) -> SourceStatus:
        """How it is now."""
        return self._journal.status(dropped=self._slot.dropped, live=self.live)

    def start(self) -> None:
        """Begin to read. A source is started once."""
        self._thread.start()

    def next(self, timeout: float) -> Frame | None:
        """Return the next frame, or None when none has come within ``timeout`` seconds.

        Raises:
            EndOfStream: All was given, or the source has failed or was closed: its status tells.
        """
        exposure = self.take(timeout)
        return exposure.develop() if exposure else None

    def take(self, timeout: float) -> Exposure | None:
        """Return the next frame as ``next`` does, but its picture only when it is asked for."""
        return self._slot.take(timeout)

    def stop(self) -> None:
        """Ask it to end and do not wait, so that many can be closed in the time of one."""
        self._outlet.stop()

    def close(self) -> None:
        """Stop reading, and wait for the thread to end.

        A connection that gives nothing lets go after ``patience`` seconds; a webcam's driver that
        hangs is left behind.
        """
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(self._settings.patience + _GRACE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._read()
        except TrunklineError as error:
            self._journal.fail(str(error))
        # The thread's end must be seen, whatever ended it; its words may hold a password.
        except Exception as error:
            self._journal.fail(f"Reading it failed with an unexpected {type(error).__name__}.")
        finally:
            self._journal.end()
            self._slot.end()

    def _read(self) -> None:
        if self._address.kind != "pictures":
            read_video(self._address, self._outlet, self._settings)
            return
        path = Path(self._address.target)
        if not self._settings.follow:
            read_pictures(path, self._outlet, self._times())
            return
        sleep = self._settings.sleep or self._outlet.wait
        now = self._settings.now
        follow_pictures(path, self._outlet, lambda _: now(), lambda: sleep(self._settings.scan))

    def _times(self) -> Callable[[int], float]:
        """Return what gives the n-th picture's time."""
        opened, fps, now = self._settings.now(), self._fps, self._settings.now
        return lambda number: now() if fps is None else opened + number / fps
