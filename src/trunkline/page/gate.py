# SPDX-License-Identifier: Apache-2.0
"""What every request and websocket must pass before the page answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from trunkline.page.access import same_origin
from trunkline.page.loopback import host_in, is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = [
    "MOST_BYTES",
    "TOO_LARGE",
    "LoopbackOnly",
    "foreign",
    "headers_of",
    "refuse",
    "scheme_of",
    "with_content_security",
]

MOST_BYTES = 64 * 1024 * 1024
"""The largest file that may be dropped."""

TOO_LARGE = "A file may have at most 64 MiB; shrink the picture, or load the model on the machine."
"""What is said about a larger one."""

# NiceGUI's page has its script in itself and compiles templates as it runs. Nothing may come from
# anywhere else, or go there.
_CONTENT_SECURITY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers, by lower-case names."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def scheme_of(scope: Scope, headers: Mapping[str, str]) -> str:
    """Return ``"https"`` where the browser came by it, perhaps to a proxy; else ``"http"``."""
    came_by = headers.get("x-forwarded-proto") or str(scope.get("scheme", "http"))
    return "https" if came_by in ("https", "wss") else "http"


def foreign(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Return whether a request was made by a page of another server."""
    return not same_origin(headers, needed=scope["type"] == "websocket")


async def refuse(sentence: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with a sentence; a websocket is closed before it is open."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": sentence[:120]})
        return
    await PlainTextResponse(sentence, status)(scope, receive, send)


def with_content_security(send: Send) -> Send:
    """Return a ``send`` that adds what keeps a browser from loading anything from elsewhere."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = (
                (b"content-security-policy", _CONTENT_SECURITY.encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"same-origin"),
            )
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return sending


class LoopbackOnly:
    """An application that answers only those who called this machine by its own name.

    A page of another server can have its name point here (DNS rebinding); the name that the
    browser was told gives it away.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a websocket, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            return
        host = headers_of(scope).get("host", "")
        if not is_loopback(host_in(host)):
            sentence = "This page answers only to 127.0.0.1 and localhost, on its own machine."
            await refuse(sentence, 400, scope, receive, send)
            return
        await self._app(scope, receive, send)
