# SPDX-License-Identifier: Apache-2.0
"""Servers that really listen: one in a thread, or one as a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx
import uvicorn

from trunkline.server.app import make_app
from trunkline.server.binding import address_of, bind
from trunkline.server.running import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.applications import Starlette

    from trunkline.server.context import Server


class _Prompt(HttpServer):
    """Ends without waiting for what may be on its way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await uvicorn.Server.shutdown(self, sockets)


@contextmanager
def listening(server: Server, app: Starlette | None = None) -> Iterator[str]:
    """Serve in a thread, on a free port, with the settings' limits; yield the base address."""
    http = _Prompt(app or make_app(server), server.settings)
    listener = bind("127.0.0.1", 0, server.keys)
    address = f"http://{address_of(listener)}"
    thread = threading.Thread(target=lambda: asyncio.run(http.serve(sockets=[listener])))
    thread.start()
    try:
        yield address
    finally:
        http.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def raw(address: str, *parts: bytes, pause: float = 0.0, seconds: float = 10.0) -> bytes:
    """Send bytes as they are, with a pause between parts; return all that comes back."""
    target = urlsplit(address)
    with socket.create_connection((target.hostname, target.port), timeout=seconds) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        return received(connection)


def received(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


class Process:
    """A server as a person starts it.

    Args:
        folder: The home, the working folder and the place of the logs.
        *arguments: Of ``trunkline serve``.
    """

    def __init__(self, folder: Path, *arguments: object, environment: Any = None) -> None:
        self._log = (folder / "log").open("w+")
        self._said = (folder / "said").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trunkline", "serve", "--port", "0", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": "", **(environment or {})},
            stdout=self._said,
            stderr=self._log,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.close()
        self._said.close()

    @property
    def log(self) -> str:
        """What it has logged."""
        return _read(self._log)

    @property
    def said(self) -> str:
        """What it has told the person who started it."""
        return _read(self._said)

    def ready(self, seconds: float = 60) -> str:
        """Wait until it is ready; return the base address."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log
            if found := re.search(r"http://[\w.:\[\]]+", self.said):
                assert httpx.get(f"{found[0]}/readyz", timeout=30).status_code == 200
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s: {self.log}")

    def ended(self, seconds: float = 30) -> int:
        """Wait until it ends; return its exit status."""
        return self.process.wait(seconds)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.process.send_signal(signal.SIGTERM)


def _read(file: Any) -> str:
    with open(file.name) as again:  # noqa: PTH123 - a file object's name is a string
        return again.read()
