# SPDX-License-Identifier: Apache-2.0
"""A server without keys answers only to names that are this machine's own.

A web page can have its own name lead to 127.0.0.1 once a browser has loaded it (DNS rebinding).
To the browser the server is then of the page's own origin, and only the name tells them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.websockets import WebSocket

from trunkline.page.loopback import host_in, is_loopback
from trunkline.server.faults import MisdirectedError
from trunkline.server.forms import form_for

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from trunkline.server.context import Server

__all__ = ["KnownHosts"]


class KnownHosts:
    """Middleware that refuses requests for names of others, as long as no key is needed."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server
        settings = server.settings
        self._any = "*" in settings.allowed_hosts
        self._allowed = frozenset(
            name.lower().rstrip(".") for name in (*settings.allowed_hosts, settings.host)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] in ("http", "websocket") and not self._any:
            for name, value in scope["headers"]:
                if name == b"host" and not self._is_known(value) and not self._needs_key():
                    await _refuse(value, scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _needs_key(self) -> bool:
        return self._server.keys.required

    def _is_known(self, sent: bytes) -> bool:
        name = host_in(sent.decode("latin-1"))
        return name in self._allowed or is_loopback(name)


async def _refuse(sent: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    shown = sent.decode("latin-1")[:200]
    response = form_for(scope["path"])(
        MisdirectedError(
            f"{shown!r} is not a name of this server, which no key protects: ask for localhost or "
            "127.0.0.1, or have the server's operator add the name to allowed_hosts or make a key."
        )
    )
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)
