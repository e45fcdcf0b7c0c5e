# SPDX-License-Identifier: Apache-2.0
"""A live page below /live of a server, as whoever mounts it would have it."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.page.app import PageApp


def needs_key(headers: Mapping[str, str], scope: str) -> None:
    """Let the key ``look`` look, and the key ``change`` change."""
    key = headers.get("prediction-key", "")
    if key not in ("look", "change"):
        raise TrunklineError("The key is not known <here>.")
    if scope == "manage" and key != "change":
        raise TrunklineError("The key is for predictions only.")


@contextmanager
def serving(page: PageApp) -> Iterator[httpx.Client]:
    """Serve a page on a thread; the client's ``base_url`` says where."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Mount("/live", app=page)])
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, loop="asyncio", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        await page.startup()
        await server.serve(sockets=[listener])
        await page.shutdown()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=60) as client:
            client.get("/")  # waits until the server is there
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def websocket_status(client: httpx.Client, path: str, **headers: str) -> int:
    """Ask for a websocket and return the status of the answer: 101 where it is opened."""
    sent = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        **headers,
    }
    with client.stream("GET", path, headers=sent) as answer:
        return answer.status_code
