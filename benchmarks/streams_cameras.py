# SPDX-License-Identifier: Apache-2.0
"""Cameras on HTTP, paced in real time, whose every frame tells which it is.

Run as a program it is the cameras: it sends JPEG files, made beforehand, as multipart streams. It
imports nothing but Python's own library, so that it starts at once and costs little.
"""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

__all__ = ["SIZE", "Cameras", "Sent", "read_number", "write_frames"]

SIZE = (640, 480)
_BITS, _CHECK_BITS = 12, 4
_BAR_WIDTH, _BAR_HEIGHT = SIZE[0] // (_BITS + _CHECK_BITS), 16
_SHOWN = 16  # frames that one photograph is shown for
_BOUNDARY = "cut"


@dataclass(frozen=True, slots=True)
class Sent:
    """What cameras did.

    Attributes:
        frames: Camera, number, and when it was about to be sent, on the machine's monotonic clock.
        busy: The share of a core that they used.
    """

    frames: Sequence[tuple[int, int, float]]
    busy: float


def write_frames(photographs: Sequence[Path], folder: Path, count: int) -> None:
    """Write JPEG files for cameras to send over and over.

    Each has its number in black and white bars at its upper edge.

    Args:
        photographs: What is shown, one after another.
        folder: An empty one.
        count: How many files, at most 4096.
    """
    import numpy as np
    from PIL import Image

    shown = []
    for photograph in photographs:
        with Image.open(photograph) as image:
            shown.append(np.array(image.convert("RGB").resize(SIZE)))
    for number in range(count):
        pixels = shown[number // _SHOWN % len(shown)]
        pixels[:_BAR_HEIGHT] = np.repeat(_bars(number), _BAR_WIDTH)[None, :, None]
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=85)
        (folder / f"{number:04d}.jpg").write_bytes(file.getvalue())


def read_number(pixels: Pixels) -> int:
    """Return a frame's number.

    Args:
        pixels: Of shape (480, 640, 3), RGB or BGR.

    Raises:
        ValueError: The bars cannot be read.
    """
    bars = pixels[_BAR_HEIGHT // 2, _BAR_WIDTH // 2 :: _BAR_WIDTH, 1] > 127
    value = int("".join("01"[bar] for bar in bars.tolist()), 2)
    number, check = value >> _CHECK_BITS, value % (1 << _CHECK_BITS)
    if check != _check(number):
        raise ValueError(f"the bars {value:016b} are no number")
    return number


def _bars(number: int) -> list[int]:
    value = number << _CHECK_BITS | _check(number)
    return [255 * int(bit) for bit in f"{value:0{_BITS + _CHECK_BITS}b}"]


def _check(number: int) -> int:
    """Return four bits that tell bars from a photograph: 5 for 0, so that all black is none."""
    return (number * 7 + (number >> 5) + 5) % (1 << _CHECK_BITS)


class Cameras:
    """Cameras in a process of their own.

    Args:
        folder: The files that ``write_frames`` wrote.
        count: How many cameras.
        rate: Frames per second of each.
    """

    def __init__(self, folder: Path, count: int, rate: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, str(folder), str(count), str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self.urls = [f"http://127.0.0.1:{port}/{camera}" for camera in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self) -> Sent:
        """End them, and return what they did."""
        written, _ = self._process.communicate()
        told = json.loads(written)
        return Sent([(camera, number, at) for camera, number, at in told["frames"]], told["busy"])


class _Studio:
    """All cameras; they film whether somebody looks or not."""

    def __init__(self, files: Sequence[bytes], count: int, rate: float) -> None:
        self._parts = [_part(content) for content in files]
        self._count = count
        self._rate = rate
        self._begun = time.monotonic()
        self.sent: list[tuple[int, int, float]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send one camera's frames to whoever has connected, until it goes."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            request = await reader.readuntil(b"\r\n\r\n")
            camera = int(request.split()[1].strip(b"/"))
            writer.write(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                b"Content-Type: multipart/x-mixed-replace; boundary=%s\r\n\r\n" % _BOUNDARY.encode()
            )
            await self._film(camera, writer)
        writer.close()

    async def _film(self, camera: int, writer: asyncio.StreamWriter) -> None:
        # Cameras do not film at the same moment.
        begun = self._begun + camera / self._count / self._rate
        while True:
            # The next one that is due: those that this process was too late for were never filmed.
            frame = int((time.monotonic() - begun) * self._rate) + 1
            await asyncio.sleep(begun + frame / self._rate - time.monotonic())
            number = frame % len(self._parts)
            self.sent.append((camera, number, time.monotonic()))
            writer.write(self._parts[number])
            await writer.drain()


def _part(content: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n"


async def _run(folder: Path, count: int, rate: float) -> None:
    """Film until standard input is closed, then write what was done."""
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    studio = _Studio(files, count, rate)
    server = await asyncio.start_server(studio.serve, "127.0.0.1", 0)
    begun, used = time.monotonic(), time.process_time()
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    busy = (time.process_time() - used) / (time.monotonic() - begun)
    print(json.dumps({"frames": studio.sent, "busy": busy}), flush=True)


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
