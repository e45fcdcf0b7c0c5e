# SPDX-License-Identifier: Apache-2.0
"""Videos of plain grey pictures, whose level tells which picture it is."""

from __future__ import annotations

import io
import math
import struct
import threading
import time
from contextlib import contextmanager, suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import numpy as np
from PIL import Image

from trunkline.streams.sources import EndOfStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from trunkline.streams.frames import Frame
    from trunkline.streams.sources import Source

PATIENCE = 60.0
"""Seconds after which a test gives up; no test waits so long when all is well."""


def write_video(
    path: Path | str,
    levels: Iterable[int],
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (64, 48),
    rate: int = 10,
    top: int | None = None,
    noise: bool = False,
    **kwargs: object,
) -> None:
    """Write a video of grey pictures; ``top`` is the level of the upper half, if another."""
    import av

    with av.open(str(path), "w", **kwargs) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.options = {"g": "5"} if codec == "libx264" else {}
        for number, level in enumerate(levels):
            pixels = np.full((size[1], size[0], 3), level, np.uint8)
            if top is not None:
                pixels[: size[1] // 2] = top
            if noise:
                pixels = np.random.default_rng(level).integers(0, 255, pixels.shape, np.uint8)
            image = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            image.pts, image.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))


def turn(path: Path, degrees: int) -> None:
    """Write into an MP4 that it is to be shown turned clockwise, as phones do."""
    content = bytearray(path.read_bytes())
    # ISO/IEC 14496-12, 8.3.2: version 0 of "tkhd" has the matrix 40 bytes after the type's end.
    matrix = content.index(b"tkhd") + 4 + 40
    sine, cosine = (round(f(math.radians(degrees))) << 16 for f in (math.sin, math.cos))
    struct.pack_into(">9i", content, matrix, cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def jpeg(level: int, size: tuple[int, int] = (64, 48), *, noise: bool = False) -> bytes:
    pixels = np.full((size[1], size[0], 3), level, np.uint8)
    if noise:
        pixels = np.random.default_rng(level).integers(0, 255, pixels.shape, np.uint8)
    file = io.BytesIO()
    # No camera's picture is as small as a plain one; FFmpeg wants 2 KB to know what it reads.
    Image.fromarray(pixels).save(file, "JPEG", comment=bytes(3000))
    return file.getvalue()


def levels_of(frames: Iterable[Frame]) -> list[int]:
    return [round(float(frame.pixels.mean())) for frame in frames]


def take(source: Source, count: int) -> list[Frame]:
    """Take so many frames."""
    frames: list[Frame] = []
    limit = time.monotonic() + PATIENCE
    while len(frames) < count:
        assert time.monotonic() < limit, source.status
        frame = source.next(1)
        if frame is not None:
            frames.append(frame)
    return frames


def take_all(source: Source) -> list[Frame]:
    """Take all frames until the end."""
    frames: list[Frame] = []
    try:
        while True:
            frames += take(source, 1)
    except EndOfStream:
        return frames


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


class MjpegCamera:
    """A camera on HTTP, on a port of its own.

    Args:
        play: Called for each connection with its number and what sends bytes; the connection is
            closed when it returns.
        key: What the header Authorization must be, if anything.
        content: The type of what is sent.
    """

    def __init__(
        self,
        play: Callable[[int, Callable[[bytes], None]], None],
        *,
        key: str | None = None,
        content: str = "multipart/x-mixed-replace; boundary=cut",
    ) -> None:
        self.connections = 0
        self.done = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                if key and self.headers["Authorization"] != key:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                number, camera.connections = camera.connections, camera.connections + 1
                self.send_response(200)
                self.send_header("Content-Type", content)
                self.send_header("Connection", "close")
                self.end_headers()
                with suppress(OSError):  # nobody looks any more
                    play(number, self.wfile.write)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/stream"

    def stall(self) -> None:
        """Keep a connection open, and send nothing, until the test is over."""
        self.done.wait(PATIENCE)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def part(content: bytes) -> bytes:
    """Return a part of a multipart stream, begun by its boundary."""
    return b"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
        len(content),
        content,
    )


@contextmanager
def web_folder(folder: Path) -> Iterator[str]:
    """Serve a folder on HTTP."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
