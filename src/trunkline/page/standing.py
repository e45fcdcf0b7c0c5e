# SPDX-License-Identifier: Apache-2.0
"""The live page by itself, for whoever sits at this machine."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from typing import TYPE_CHECKING, Any

from trunkline.errors import TrunklineError
from trunkline.page.app import PageApp, make_page
from trunkline.page.gate import LoopbackOnly
from trunkline.page.loopback import is_loopback

if TYPE_CHECKING:
    import uvicorn

    from trunkline.page.view import View

__all__ = ["PageServer"]

_BACKLOG = 128
_GRACE_SECONDS = 2


class PageServer:
    """A live page on a port of this machine, served by a thread of its own.

    It has no keys, so it listens to this machine alone. There is one live page per process.

    Args:
        view: What stands behind it; its methods are called on the thread.
        host: A name or an address of this machine's own.
        port: 0 takes a free one.

    Raises:
        TrunklineError: Other machines could reach the address.
        MissingExtraError: NiceGUI is not installed.
    """

    def __init__(self, view: View, host: str = "127.0.0.1", port: int = 8080) -> None:
        if not is_loopback(host):
            raise TrunklineError(
                f"{host} can be reached from other machines, and this page has no keys. Leave the "
                "host out, or show the page with trunkline serve, which has keys."
            )
        self._page = make_page(view, prefix="")
        self._host, self._port = host.strip("[]"), port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None

    @property
    def url(self) -> str:
        """Where the page is; the port is known once it has been started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    def start(self) -> None:
        """Listen, and serve from now on.

        Raises:
            TrunklineError: The port is taken, or another live page runs in this process.
        """
        listener = _listen(self._host, self._port)
        self._port = int(listener.getsockname()[1])
        self._server = _server(self._page)
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="trunkline page", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def close(self) -> None:
        """Stop serving; does nothing where it has not been started."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._server = self._thread = None

    def _run(self, listener: socket.socket) -> None:
        try:
            asyncio.run(self._serve(listener))
        except Exception as error:
            self._error = error
        finally:
            listener.close()
            self._started.set()

    async def _serve(self, listener: socket.socket) -> None:
        assert self._server is not None  # noqa: S101 - start sets it
        await self._page.startup()
        self._started.set()
        try:
            await self._server.serve(sockets=[listener])
        finally:
            await self._page.shutdown()


def _server(page: PageApp) -> uvicorn.Server:
    import uvicorn

    app: Any = LoopbackOnly(page)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="wsproto",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # "localhost" is two addresses on most machines; browsers try 127.0.0.1 in any case.
        found.sort(key=lambda each: each[0] != socket.AF_INET)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise TrunklineError(f"Cannot listen on {host}:{port}: {error}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - its one parameter has no name
    except OSError as error:
        listener.close()
        raise TrunklineError(f"Cannot listen on {host}:{port}: {_why(error)}.") from error
    return listener


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is taken, perhaps by another page or server; choose another port"
        case errno.EACCES:
            return "ports below 1024 are for the system; choose another port"
        case _:
            return str(error)
