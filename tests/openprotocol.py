# SPDX-License-Identifier: Apache-2.0
"""A server that really listens, over HTTP and gRPC, in a thread."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from trunkline.server.app import make_app
from trunkline.server.binding import address_of, bind
from trunkline.server.oip_grpc import start_grpc
from trunkline.server.running import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.server.context import Server


class Addresses(NamedTuple):
    """Where it listens, without a scheme, as Triton's clients want it."""

    http: str
    grpc: str


@contextmanager
def listening_twice(server: Server) -> Iterator[Addresses]:
    """Serve HTTP and gRPC on free ports."""
    http = HttpServer(make_app(server), server.settings)
    listener = bind("127.0.0.1", 0, server.keys)
    ports: list[int] = []
    started = threading.Event()

    async def live() -> None:
        grpc = await start_grpc(server)
        ports.append(grpc.port)
        started.set()
        await http.serve(sockets=[listener])
        await grpc.stop(1)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert started.wait(20)
        yield Addresses(address_of(listener), f"127.0.0.1:{ports[0]}")
    finally:
        http.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
