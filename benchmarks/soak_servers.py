# SPDX-License-Identifier: Apache-2.0
"""Cameras, a web hook and a broker that fail at random."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from soak_files import SIZES, jpeg

if TYPE_CHECKING:
    import random

__all__ = ["Broker", "Hook", "MjpegCamera", "RtspCamera", "World"]

_RATE = 100  # pictures a second of a camera on HTTP
_LOOP = 180  # pictures that it shows over and over
_RTSP = Path(__file__).parents[1] / "tests" / "streams" / "rtsp_server.py"
_LISTENING = 60.0


class World:
    """What is left to chance, and what has happened.

    Args:
        chance: What decides.
        pace: How much longer than usual everything is left alone.
    """

    def __init__(self, chance: random.Random, pace: float) -> None:
        self.chance = chance
        self.over = threading.Event()
        self.done: Counter[str] = Counter()
        self._pace = pace
        self._noting = threading.Lock()

    def note(self, what: str) -> None:
        """Count something that was done."""
        with self._noting:
            self.done[what] += 1

    def may(self, probability: float) -> bool:
        """Decide."""
        return self.chance.random() < probability

    def rest(self, least: float, most: float) -> bool:
        """Wait between so many seconds, times the pace; False when the world ends."""
        return not self.over.wait(self._pace * self.chance.uniform(least, most))


class _Server:
    """An HTTP server on a port of its own, that can be killed and come back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._open: set[socket.socket] = set()
        self._server = self._started(0)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/"

    def _started(self, port: int) -> ThreadingHTTPServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                super().setup()
                owner._open.add(self.connection)

            def finish(self) -> None:
                owner._open.discard(self.connection)
                with suppress(OSError):
                    super().finish()

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                with suppress(OSError):
                    owner.answer(self)

            def do_POST(self) -> None:
                self.do_GET()

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request, or not."""
        raise NotImplementedError

    def die(self) -> None:
        """Cut all connections and listen no more."""
        self._server.shutdown()
        self._server.server_close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Listen on the same port again."""
        while True:
            try:
                self._server = self._started(self.port)
            except OSError:
                time.sleep(0.05)
            else:
                return

    def misbehave(self) -> None:
        """Die and come back, until the world ends."""
        while self.world.rest(5, 15):
            name = "the web hook" if isinstance(self, Hook) else "an HTTP camera"
            self.world.note(f"{name} dies")
            self.die()
            self.world.rest(0.2, 3)
            self.come_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.die()


class MjpegCamera(_Server):
    """A camera whose pictures are cut in half, rubbish, of another size, or do not come.

    Args:
        world: What decides.
        name: As the watcher calls it.
    """

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self.name = name
        self._films = {size: [jpeg(number, size) for number in range(_LOOP)] for size in SIZES}

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send pictures, until something goes wrong."""
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
        request.send_header("Connection", "close")
        request.end_headers()
        size, number = self.world.chance.choice(SIZES), 0
        while not self.world.over.wait(1 / _RATE):
            number += 1
            content = self._films[size][number % _LOOP]
            match self.world.chance.randrange(2000):
                case 0:
                    self.world.note("an HTTP camera changes its resolution")
                    size = self.world.chance.choice(SIZES)
                case 1 | 2:
                    self.world.note("half a picture")
                    content = content[: len(content) // 2]
                case 3:
                    self.world.note("an HTTP camera breaks off in a picture")
                    request.wfile.write(_part(content)[:-500])
                    return
                case 4:
                    self.world.note("an HTTP camera stalls")
                    self.world.rest(2, 5)
                case 5:
                    self.world.note("an HTTP camera sends rubbish")
                    content = self.world.chance.randbytes(3000)
                case 6:
                    self.world.note("an HTTP camera ends its stream")
                    return
            request.wfile.write(_part(content))


def _part(content: bytes) -> bytes:
    head = b"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(content)
    return head + content + b"\r\n"


class Hook(_Server):
    """A web hook that fails, hangs, hangs up and dies.

    Attributes:
        events: Those that were taken.
    """

    def __init__(self, world: World) -> None:
        self.events: set[tuple[object, ...]] = set()
        super().__init__(world)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Take an event, or not."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        status = 204
        match self.world.chance.randrange(400):
            case 0 | 1:
                self.world.note("the web hook fails")
                status = 503
            case 2:
                self.world.note("the web hook refuses an event")
                status = 400
            case 3:
                self.world.note("the web hook hangs")
                self.world.rest(1, 3)
            case 4:
                self.world.note("the web hook hangs up")
                return
        if status == 204:
            self.events.add(_key(json.loads(body)))
        request.send_response(status)
        request.end_headers()


def _key(event: dict[str, Any]) -> tuple[object, ...]:
    return tuple(event[key] for key in ("source", "number", "model", "label", "state"))


class _Process:
    """A server that is a program, killed, frozen and started again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def _command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it listens."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._command(), **quiet)
        end = time.monotonic() + _LISTENING
        while time.monotonic() < end and not self.world.over.is_set():
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it, frozen or not."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()

    def misbehave(self) -> None:
        """Be killed and started again, or frozen, until the world ends."""
        name = "the broker" if isinstance(self, Broker) else "the RTSP camera"
        while self.world.rest(4, 12) and self._process:
            if self.world.may(0.4):
                self.world.note(f"{name} freezes")
                self._process.send_signal(signal.SIGSTOP)
                self.world.rest(1, 4)
                self._process.send_signal(signal.SIGCONT)
            else:
                self.world.note(f"{name} is killed")
                self.kill()
                self.world.rest(0.2, 3)
                self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Broker(_Process):
    """Debian's mosquitto, and one who listens to its events.

    Attributes:
        url: For the sink.
        events: Those that were heard.
    """

    def __init__(self, world: World, folder: Path) -> None:
        super().__init__(world)
        self.url = f"mqtt://127.0.0.1:{self.port}/soak"
        self.events: set[tuple[object, ...]] = set()
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        )

    def _command(self) -> list[str]:
        path = f"{os.environ['PATH']}:/usr/sbin"
        program = shutil.which("mosquitto", path=path)
        if program is None:
            raise SystemExit("There is no mosquitto: apt-get install mosquitto")
        return [program, "-c", str(self._settings)]

    def __enter__(self) -> Self:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        super().__enter__()
        self._listener = Client(CallbackAPIVersion.VERSION2)
        self._listener.on_connect = lambda *_: self._listener.subscribe("soak/+/+/event", qos=1)
        self._listener.on_message = lambda *given: self.events.add(
            _key(json.loads(given[2].payload))
        )
        self._listener.reconnect_delay_set(1, 1)
        self._listener.connect_async("127.0.0.1", self.port)
        self._listener.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.disconnect()
        self.kill()
        self._listener.loop_stop()


class RtspCamera(_Process):
    """GStreamer's RTSP server, which shows another film each time it is started.

    Where Debian's packages for it are not installed there is no such camera, and its URL is empty.
    """

    def __init__(self, world: World, films: Path) -> None:
        super().__init__(world)
        self._films = [films / "live-1.mp4", films / "live-2.mp4"]
        code = "import gi; gi.require_version('GstRtspServer', '1.0')"
        try:
            there = not subprocess.run(
                ["/usr/bin/python3", "-c", code], check=False, capture_output=True
            ).returncode
        except OSError:
            there = False
        self.url = f"rtsp://admin:s3cret@127.0.0.1:{self.port}/stream" if there else ""

    def _command(self) -> list[str]:
        film = self.world.chance.choice(self._films)
        return ["/usr/bin/python3", str(_RTSP), str(film), str(self.port)]

    def start(self) -> None:
        """Start it, where it is there."""
        if self.url:
            super().start()
