# SPDX-License-Identifier: Apache-2.0
"""uvicorn, told to leave signals alone and to end in an order in which no request is lost."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
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
_MOST_HEADER_BYTES = 32 * 1024
_ARRIVAL_SECONDS = 0.2


class HttpServer(uvicorn.Server):
    """An application on a socket that listens already; set ``should_exit`` to end it."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
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
                h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
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
        for server in self.servers:
            server.close()
        # uvicorn would at once close connections whose request is still on its way in.
        await asyncio.sleep(_ARRIVAL_SECONDS)
        await super().shutdown(sockets)
