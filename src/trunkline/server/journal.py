# SPDX-License-Identifier: Apache-2.0
"""Around every request: its id, one line in the log, and the metrics."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trunkline.server.context import Server

__all__ = ["Journal", "sane_id"]

_log = logging.getLogger("trunkline.server.requests")

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def sane_id(sent: str | None) -> str:
    """Return the id that a client sent if it can go into a log and a header, else a new UUID."""
    return sent if sent and _SANE_ID.fullmatch(sent) else str(uuid.uuid4())


class Journal:
    """Middleware that numbers, times, counts and logs every request.

    Headers and queries are never logged: keys travel in headers, and people put secrets in queries.
    """

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)  # the start and end of the application itself
            return
        begun = time.monotonic()
        state = scope.setdefault("state", {})
        state["request_id"] = sane_id(Headers(scope=scope).get("x-request-id"))
        # A WebSocket that is closed before it is accepted is answered with 403.
        noted = {"code": 403 if scope["type"] == "websocket" else 500, "bytes": 0}

        async def answer(message: Message) -> None:
            if message["type"] == "websocket.accept":
                noted["code"] = 101
            elif message["type"] == "http.response.start":
                noted["code"] = message["status"]
                self._complete(MutableHeaders(scope=message), state["request_id"])
            noted["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._note(scope, noted, time.monotonic() - begun)

    def _complete(self, headers: MutableHeaders, request: str) -> None:
        headers.setdefault("request-id", request)
        headers.setdefault("x-request-id", request)
        headers.setdefault("x-content-type-options", "nosniff")
        if self._server.state.draining:
            # A client that asks again is to find another server.
            headers["connection"] = "close"

    def _note(self, scope: Scope, noted: dict[str, int], seconds: float) -> None:
        state = scope["state"]
        api, route = state.get("api", "none"), state.get("route", "none")
        self._server.metrics.request(api, route, noted["code"], seconds)
        client = scope.get("client")
        fields = {
            "request": state["request_id"],
            "client": client[0] if client else "",
            "method": scope.get("method", "WEBSOCKET"),
            "path": scope["path"],
            "code": noted["code"],
            "api": api,
            "route": route,
            "milliseconds": round(1000 * seconds, 1),
            "bytes": noted["bytes"],
        }
        level = logging.WARNING if noted["code"] >= 500 else logging.INFO
        if state.get("frequent") and level == logging.INFO:
            level = logging.DEBUG  # a page that is open asks several times a second
        _log.log(level, "request", extra={"fields": fields})
