# SPDX-License-Identifier: Apache-2.0
"""The world around a watcher, as a process of its own in which everything fails at random.

    python benchmarks/soak_world.py FOLDER SEED PACE

It says where its cameras, its web hook and its broker are, as one line of JSON, goes on until its
standard input is closed, and then says what it has done and seen, as another.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from soak_files import SIZES, jpeg
from soak_servers import Broker, Hook, MjpegCamera, RtspCamera, World

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

_KEPT = 5  # files of lines behind the one in use; a sink may still write into the last
_ARRIVED = 60  # pictures that lie in the folder at once


def main(folder: Path, seed: int, pace: float) -> None:
    """Let the world go on until standard input is closed.

    Args:
        folder: Where the films lie, and where files and pictures come and go.
        seed: For all that is left to chance.
        pace: How much longer than usual everything is left alone.
    """
    world = World(random.Random(seed), pace)
    disk, pipe = Disk(folder, world), Pipe(folder / "pipe", world)
    with ExitStack() as stack:
        cameras = [stack.enter_context(MjpegCamera(world, name)) for name in ("http-1", "http-2")]
        hook = stack.enter_context(Hook(world))
        broker = stack.enter_context(Broker(world, folder))
        rtsp = stack.enter_context(RtspCamera(world, folder / "films"))
        loops: list[Callable[[], None]] = [
            *(camera.misbehave for camera in cameras),
            hook.misbehave,
            broker.misbehave,
            rtsp.misbehave,
            disk.fill_and_empty,
            pipe.read_at_times,
            Arriving(folder / "arriving", world).come,
        ]
        threads = [threading.Thread(target=loop) for loop in loops]
        for thread in threads:
            thread.start()
        say = {
            "http": [camera.url for camera in cameras],
            "rtsp": rtsp.url,
            "hook": hook.url,
            "mqtt": broker.url,
        }
        print(json.dumps(say), flush=True)
        sys.stdin.read()
        world.over.set()
        for thread in threads:
            thread.join()
        seen = {"lines": disk.count(), "piped": pipe.lines, "posted": len(hook.events)}
        seen |= {"published": len(broker.events)}
    print(json.dumps({"seen": seen, "done": dict(sorted(world.done.items()))}), flush=True)


class Disk:
    """A file that is rotated, and a disk that is full at times.

    The file is a link to the real file, or to what is always full.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self._link, self._folder, self._world = folder / "lines.jsonl", folder / "lines", world
        self._folder.mkdir()
        self._counted = self._number = 0
        self._turn_to(self._fresh())

    def fill_and_empty(self) -> None:
        while self._world.rest(0.3, 2):
            if self._world.may(0.3):
                self._world.note("the disk is full")
                self._turn_to(Path("/dev/full"))
                continue
            self._world.note("a file of lines is rotated")
            self._turn_to(self._fresh())
            for old in sorted(self._folder.iterdir())[:-_KEPT]:
                self._counted += old.read_bytes().count(b"\n")
                old.unlink()

    def count(self) -> int:
        """Return how many lines were written to all files."""
        left = sum(each.read_bytes().count(b"\n") for each in self._folder.iterdir())
        return self._counted + left

    def _fresh(self) -> Path:
        self._number += 1
        path = self._folder / f"{self._number:06}"
        path.touch()
        return path

    def _turn_to(self, path: Path) -> None:
        other = self._link.with_suffix(".new")
        other.symlink_to(path)
        other.replace(self._link)


class Pipe:
    """A named pipe that is read at times, and closed at times."""

    def __init__(self, path: Path, world: World) -> None:
        os.mkfifo(path)
        self._path, self._world = path, world
        self.lines = 0
        self._reader = self._open()

    def _open(self) -> int:
        return os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)

    def read_at_times(self) -> None:
        while self._world.rest(0.05, 0.3):
            if self._world.may(0.05):
                self._world.note("nobody reads the pipe")
                self._world.rest(1, 4)
            # Not before somebody writes: a pipe that nobody reads cannot be opened.
            elif self.lines and self._world.may(0.03):
                self._world.note("the pipe is closed and opened again")
                os.close(self._reader)
                self._world.rest(0.2, 1)
                self._reader = self._open()
            self._take()
        os.close(self._reader)

    def _take(self) -> None:
        with suppress(BlockingIOError):  # nothing is in it
            self.lines += os.read(self._reader, 1 << 20).count(b"\n")


class Arriving:
    """Pictures that arrive in a folder, some of them slowly and some that are none."""

    def __init__(self, folder: Path, world: World) -> None:
        folder.mkdir()
        self._folder, self._world = folder, world

    def come(self) -> None:
        number = 0
        while self._world.rest(0.02, 0.1):
            number += 1
            content = jpeg(number, self._world.chance.choice(SIZES))
            path = self._folder / f"{number:08}.jpg"
            if self._world.may(0.1):
                self._world.note("a picture arrives that is none")
                content = content[: len(content) // 2] if number % 2 else b"no picture"
            with path.open("wb") as file:
                file.write(content[:1000])
                file.flush()
                if self._world.may(0.1):
                    self._world.rest(0.1, 0.5)
                file.write(content[1000:])
            old = self._folder / f"{number - _ARRIVED:08}.jpg"
            old.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
