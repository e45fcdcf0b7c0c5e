# SPDX-License-Identifier: Apache-2.0
"""uvicorn as it is run here: it answers what is on its way, and leaves signals alone."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from trunkline.server.app import make_app
from trunkline.server.binding import bind
from trunkline.server.running import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.server.context import Server

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_request_on_its_way_is_answered_at_the_end(make_server: Callable[..., Server]) -> None:
    server = make_server()

    async def act() -> bytes:
        http = HttpServer(make_app(server), server.settings)
        listener = bind("127.0.0.1", 0, server.keys)
        serving = asyncio.create_task(http.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        http.should_exit = True
        while http.servers[0].is_serving():
            await asyncio.sleep(0.01)
        server.state.draining = True
        writer.write(GET)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await serving
        return answer

    answer = asyncio.run(act())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer
    assert b"server:" not in answer


def test_signals_are_left_alone(make_server: Callable[..., Server]) -> None:
    server = make_server()
    before = signal.getsignal(signal.SIGTERM)
    with HttpServer(make_app(server), server.settings).capture_signals():
        assert signal.getsignal(signal.SIGTERM) is before
