# SPDX-License-Identifier: Apache-2.0
"""uvicorn, told to leave signals alone and to end in an order in which no request is lost."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from trunkline.server.protocol import patient_protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from starlette.applications import Starlette

    from trunkline.server.settings import Settings

__all__ = ["HttpServer"]

_MOST_CONNECTIONS = 1000  # below 1024, the usual limit of open files
_ARRIVAL_SECONDS = 0.2
_LATE_SECONDS = 0.05


class HttpServer(uvicorn.Server):
    """An application on a socket that listens already; set ``should_exit`` to end it."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
        self._patience = settings.drain_seconds
        super().__init__(
            uvicorn.Config(
                app,
                http=patient_protocol(settings.header_seconds),
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_keep_alive=settings.keep_alive_seconds,  # type: ignore[arg-type]
                timeout_graceful_shutdown=settings.drain_seconds,  # type: ignore[arg-type]
                ws_max_size=settings.max_body_bytes,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs this; uvicorn would end the process by its signal."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, answer what those taken have sent, and end them."""
        last = [connection for listener in sockets or () for connection in _waiting(listener)]
        for server in self.servers:
            server.close()
        for connection in last:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        # uvicorn would at once close connections whose request is still on its way in.
        await self._catch_up()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        """Return what uvicorn gives every connection."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def _catch_up(self) -> None:
        """Wait until the event loop is on time: then it has read what has come."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while (begun := loop.time()) < end:
            await asyncio.sleep(_ARRIVAL_SECONDS)
            if loop.time() - begun < _ARRIVAL_SECONDS + _LATE_SECONDS:
                return


def _waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Yield the connections that wait to be taken; to close the listener would cut them."""
    with suppress(OSError):  # also where there are no more
        for _ in range(_MOST_CONNECTIONS):
            connection, _ = listener.accept()
            connection.setblocking(False)  # noqa: FBT003 - its one parameter has no name
            yield connection
