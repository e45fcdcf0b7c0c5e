# SPDX-License-Identifier: Apache-2.0
"""``/live``: the page for people. It is made when somebody first asks for it."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Mount
from starlette.websockets import WebSocket

from trunkline.server.answering import as_service_error, route
from trunkline.server.context import request_id
from trunkline.server.faults import (
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from trunkline.server.forms import PLAIN
from trunkline.server.liveview import ServerView

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Message, Receive, Scope, Send

    from trunkline.page.app import PageApp
    from trunkline.server.context import Server

__all__ = ["LivePage", "page_installed", "routes"]

_PATH = "/live"
_SECOND_BYTES = 65_536  # that earn a body another second, as everywhere on the server


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes; they must come before the container's, which begin with any word."""
    return [
        Mount(_PATH, app=server.live, name="live"),
        route(_PATH, _with_slash, scope=None, form=PLAIN, name="live.page"),
    ]


def page_installed() -> bool:
    """Return whether what makes the page is there."""
    return importlib.util.find_spec("nicegui") is not None


async def _with_slash(_request: Request, _server: Server) -> Response:
    # Relative: a proxy may have put something before it.
    return Response(status_code=307, headers={"Location": f".{_PATH}/"})


class LivePage:
    """The page as an ASGI application that is there at once and made when it is needed.

    Args:
        server: What it shows.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._app: PageApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or talk to a page that is open."""
        connection = HTTPConnection(scope)
        connection.state.api = "live"
        connection.state.route = "socket" if scope["type"] == "websocket" else "page"
        connection.state.frequent = True
        try:
            self._check(connection)
            app = await self._made()
        except Exception as error:  # whatever it is, the client gets a sentence
            refusal = PLAIN(as_service_error(error, request_id(connection)))
            await _refuse(refusal, scope, receive, send)
            return
        if scope["type"] == "http":
            receive = self._bounded(receive)
        await app(scope, receive, send)

    async def close(self) -> None:
        """End the page, if it was ever made; nobody must be looking at it."""
        if self._app is not None:
            app, self._app = self._app, None
            await app.shutdown()

    def _check(self, connection: HTTPConnection) -> None:
        """Refuse what no page of this server's own would ask."""
        settings, state = self._server.settings, self._server.state
        length = connection.headers.get("content-length", "")
        if length.isdecimal() and int(length) > _most_bytes(self._server):
            raise TooLargeError(
                f"The file is too large; at most {settings.max_models_body_bytes} bytes are "
                "allowed."
            )
        if state.draining:
            raise UnavailableError("The server is about to stop.", retry_after=5)
        if not state.ready:
            raise UnavailableError(
                "The models are still being loaded; try again in a moment.", retry_after=1
            )

    async def _made(self) -> PageApp:
        async with self._making:
            if self._app is None:
                app = await asyncio.to_thread(self._make)  # imports much, for seconds
                await app.startup()
                self._app = app
            return self._app

    def _make(self) -> PageApp:
        make_page = _maker()
        view = ServerView(self._server)
        return make_page(view, prefix=_PATH, allowed=self._server.keys.check)

    def _bounded(self, receive: Receive) -> Receive:
        """Return what receives a body, and hangs up when it is too large or too slow."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._server.settings.body_seconds
        taken = 0
        over = False

        async def bounded() -> Message:
            nonlocal end, taken, over
            if over:
                return await receive()
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}
            length = len(message.get("body", b""))
            taken += length
            end += length / _SECOND_BYTES
            over = not message.get("more_body", False)
            return message if taken <= _most_bytes(self._server) else {"type": "http.disconnect"}

        return bounded


def _maker() -> Callable[..., PageApp]:
    if not page_installed():
        raise NotFoundError(
            "There is no live page here; it comes with: pip install 'trunkline[page]'"
        )
    from trunkline.page.app import make_page

    return make_page


def _most_bytes(server: Server) -> int:
    # Around a file there is what makes it a part of a form.
    return server.settings.max_models_body_bytes + _SECOND_BYTES


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)
