# SPDX-License-Identifier: Apache-2.0
"""uvicorn as it is run here: it answers what is on its way, and leaves signals alone."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from typing import TYPE_CHECKING

from server.living import received
from trunkline.server.app import make_app
from trunkline.server.binding import bind
from trunkline.server.running import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from trunkline.server.context import Server

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answer_to(client: socket.socket) -> bytes:
    with client:
        return received(client)


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


def test_connections_that_wait_are_taken_before_the_end(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server()

    async def act() -> list[bytes]:
        http = HttpServer(make_app(server), server.settings)
        listener = bind("127.0.0.1", 0, server.keys)
        clients = []

        async def come() -> None:
            # The event loop has no chance to take them before the end.
            for _ in range(5):
                clients.append(socket.create_connection(listener.getsockname(), timeout=10))
                clients[-1].sendall(GET)

        monkeypatch.setattr(http, "main_loop", come)
        server.state.draining = True
        await http.serve(sockets=[listener])
        return [answer_to(client) for client in clients]

    answers = asyncio.run(act())
    assert [each[:13] for each in answers] == [b"HTTP/1.1 200 "] * 5


def test_a_late_event_loop_is_waited_for(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server()

    async def act() -> bytes:
        http = HttpServer(make_app(server), server.settings)
        listener = bind("127.0.0.1", 0, server.keys)
        client = socket.create_connection(listener.getsockname(), timeout=10)

        async def be_late() -> None:
            while not http.server_state.connections:
                await asyncio.sleep(0.01)
            loop = asyncio.get_running_loop()
            loop.call_later(0.1, time.sleep, 0.3)
            loop.call_later(0.15, client.sendall, GET)  # just before the wait would end

        monkeypatch.setattr(http, "main_loop", be_late)
        server.state.draining = True
        await http.serve(sockets=[listener])
        return answer_to(client)

    assert asyncio.run(act()).startswith(b"HTTP/1.1 200 ")


def test_signals_are_left_alone(make_server: Callable[..., Server]) -> None:
    server = make_server()
    before = signal.getsignal(signal.SIGTERM)
    with HttpServer(make_app(server), server.settings).capture_signals():
        assert signal.getsignal(signal.SIGTERM) is before
