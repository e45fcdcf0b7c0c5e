# SPDX-License-Identifier: Apache-2.0
"""The sink ``jsonl``: one JSON object per sight and line, on standard output or in a file."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError
from trunkline.predictions import json_line
from trunkline.streams.keeping import KeepingSink
from trunkline.streams.queues import DeliveryError, without_pixels
from trunkline.streams.records import sight_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trunkline.streams.frames import Sight

__all__ = ["JsonLinesFile", "JsonLinesOutput"]

_SIZE = 1000

# A pipe that is ready takes this much without blocking (PIPE_BUF on Linux).
_CHUNK = 4096
_POLL_MS = 100


class _JsonLines(KeepingSink):
    def _items(self, sight: Sight) -> Iterator[Sight]:
        # Of a frame at which no model looked there is nothing to say.
        if sight.answers or sight.events:
            yield without_pixels(sight)

    def _deliver(self, item: Sight) -> None:
        line = json_line(sight_values(item)) + b"\n"
        try:
            self._write(line)
        except OSError as error:
            self._finish()
            raise DeliveryError(f"{self.name} cannot be written: {error.strerror}.") from error

    def _write(self, line: bytes) -> None:
        raise NotImplementedError

    def _wait_and_write(self, descriptor: int, data: bytes) -> None:
        """Write all of some bytes to what may be a pipe that nobody reads.

        Raises:
            DeliveryError: The sink was closed meanwhile.
            OSError: It cannot be written to.
        """
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        left = memoryview(data)
        while left:
            if self._abandoned.is_set():
                raise DeliveryError(f"{self.name} took no more lines.")
            if poll.poll(_POLL_MS):
                with suppress(BlockingIOError):
                    left = left[os.write(descriptor, left[:_CHUNK]) :]


class JsonLinesOutput(_JsonLines):
    """Lines on standard output.

    Args:
        size: The most lines that wait.
    """

    def __init__(self, *, size: int = _SIZE) -> None:
        super().__init__("standard output", size=size)
        self._put_out = self._standard_output()
        self._start()

    def _write(self, line: bytes) -> None:
        self._put_out(line)

    def _standard_output(self) -> Callable[[bytes], object]:
        """Return what writes to standard output as it is now."""
        output = sys.stdout
        try:
            # Not through the file object: a thread that hangs in it would hold its lock, and the
            # interpreter could not end.
            descriptor = output.fileno()
        except (AttributeError, io.UnsupportedOperation):
            return lambda line: output.write(line.decode("utf-8"))
        return lambda line: self._wait_and_write(descriptor, line)


class JsonLinesFile(_JsonLines):
    """Lines at the end of a file, each written whole; the file may be renamed or removed any time.

    Args:
        path: The file; made where it is absent.
        size: The most lines that wait.

    Raises:
        TrunklineError: The file cannot be written.
    """

    def __init__(self, path: Path, *, size: int = _SIZE) -> None:
        super().__init__(str(path), size=size)
        self._path = path
        self._descriptor = -1
        self._regular = True
        try:
            self._open()
        except OSError as error:
            self._finish()
            raise TrunklineError(f"{path} cannot be written: {error.strerror}.") from error
        self._start()

    def _write(self, line: bytes) -> None:
        if not self._is_current():
            self._finish()
            self._open()
        if not self._regular:
            self._wait_and_write(self._descriptor, line)
            return
        left = line
        while left:
            left = left[os.write(self._descriptor, left) :]

    def _is_current(self) -> bool:
        """Return whether the open file is the one that has the name now."""
        if self._descriptor < 0:
            return False
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(self._descriptor))

    def _open(self) -> None:
        # Not blocking: a named pipe without a reader is an error instead of a wait.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = os.open(self._path, flags, 0o644)
        status = os.fstat(self._descriptor)
        self._regular = stat.S_ISREG(status.st_mode)
        if self._regular and status.st_size and self._last_byte() != b"\n":
            os.write(self._descriptor, b"\n")  # whoever wrote last did not finish the line

    def _last_byte(self) -> bytes:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1)

    def _finish(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
