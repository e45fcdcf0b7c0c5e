# SPDX-License-Identifier: Apache-2.0
"""The live page as an application to be mounted.

There is one live page per process, for NiceGUI keeps its state in module variables: while one
runs, ``startup`` of another raises an error. Each can be shut down and another be started.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from trunkline.page import gate, signin
from trunkline.page.access import Access, Guest
from trunkline.page.nicegui_app import PAGE_KEY, NiceGui
from trunkline.page.pictures import Dropped, Shelf
from trunkline.page.routes import ASSETS, asset, camera_route, dropped_route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from trunkline.page.view import View

__all__ = ["PageApp", "make_page"]

_ROOM_AROUND_A_FILE = 64 * 1024  # what a form adds to the file in it


def make_page(
    view: View,
    *,
    prefix: str = "/live",
    allowed: Callable[[Mapping[str, str], str], None] | None = None,
) -> PageApp:
    """Return the live page, to be mounted with ``Mount(prefix, app=...)``.

    Args:
        view: What stands behind it.
        prefix: Where it is mounted; empty for the root.
        allowed: Called with headers, by lower-case names, and ``"predict"`` or ``"manage"``;
            raises an error, which is a sentence, where they do not permit it. A key that somebody
            has typed is there as ``prediction-key``, and where the request came from as
            ``origin``. None: everybody may do everything whom the owner lets through.

    Raises:
        MissingExtraError: NiceGUI is not installed.
    """
    return PageApp(view, prefix, Access(allowed))


class PageApp:
    """The live page: an ASGI application, which its owner starts and ends.

    Args:
        view: What stands behind it.
        prefix: Where it is mounted.
        access: Who may do what.
    """

    def __init__(self, view: View, prefix: str, access: Access) -> None:
        self._view = view
        self._cookie_path = f"{prefix.rstrip('/')}/"
        self._access = access
        self._nicegui = NiceGui()
        self._shelf = Shelf(view)
        self._dropped = Dropped()

    async def startup(self) -> None:
        """Begin, on the event loop that requests will come on.

        Raises:
            TrunklineError: Another live page runs in this process.
        """
        await self._nicegui.start()

    async def shutdown(self) -> None:
        """End every visitor's page; does nothing where there was no startup."""
        await self._nicegui.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a websocket."""
        headers = gate.headers_of(scope)
        send = gate.with_content_security(send)
        if gate.foreign(scope, headers):
            sentence = "A page of another origin may not use this one."
            await gate.refuse(sentence, 403, scope, receive, send)
        elif not self._nicegui.running:
            await gate.refuse("The live page does not run now.", 503, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, headers, receive, send)
        else:
            await self._http(scope, headers, receive, send)

    async def _websocket(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        guest = Guest(self._access, headers, gate.scheme_of(scope, headers))
        if guest.scope is None:
            await gate.refuse("Sign in first.", 403, scope, receive, send)
        elif not _path(scope).startswith("/_nicegui"):
            await gate.refuse("There is no such websocket.", 404, scope, receive, send)
        else:
            await self._nicegui.app(scope, receive, send)

    async def _http(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        guest = Guest(self._access, headers, gate.scheme_of(scope, headers))
        request = Request(scope, receive)
        answer = await self._open(request, guest)
        if answer is None and guest.scope is None:
            answer = self._stranger(request)
        answer = answer or await self._own(request)
        if answer is not None:
            await answer(scope, receive, send)
            return
        scope[PAGE_KEY] = partial(self._build, guest)
        with suppress(ClientDisconnect):  # somebody who leaves while a file is on its way
            await self._nicegui.app(scope, receive, send)

    async def _open(self, request: Request, guest: Guest) -> Response | None:
        """Answer what those may ask for who have not signed in."""
        path = _path(request.scope)
        if path == "/page.css":
            return asset("page.css")
        if path == f"/{signin.SIGN_IN}" and request.method == "POST":
            return await signin.sign_in(
                request,
                self._access,
                title=self._view.title,
                path=self._cookie_path,
                scheme=guest.scheme,
            )
        return None

    def _stranger(self, request: Request) -> Response:
        if request.method == "GET" and _path(request.scope) in ("/", f"/{signin.SIGN_IN}"):
            return signin.form(self._view.title)
        return PlainTextResponse("Sign in first.", 401)

    async def _own(self, request: Request) -> Response | None:
        """Answer what is the page's own; None where NiceGUI answers."""
        path = _path(request.scope)
        answer: Response | None = None
        if "transfer-encoding" in request.headers:  # no browser sends a file like that
            answer = PlainTextResponse("A file must come with its length.", 411)
        elif _length(request) > gate.MOST_BYTES + _ROOM_AROUND_A_FILE:
            answer = PlainTextResponse(gate.TOO_LARGE, 413)
        elif path.lstrip("/") in ASSETS:
            answer = asset(path.lstrip("/"))
        elif path.startswith("/cameras/"):
            answer = await camera_route(request, self._shelf)
        elif path.startswith("/dropped/"):
            answer = dropped_route(request, self._dropped)
        elif path == f"/{signin.SIGN_OUT}" and request.method == "POST":
            answer = signin.sign_out(request, self._access, path=self._cookie_path)
        elif path not in ("", "/", "/favicon.ico") and not path.startswith("/_nicegui"):
            answer = PlainTextResponse("There is nothing here; the live page is one level up.", 404)
        return answer

    def _build(self, guest: Guest) -> None:
        from trunkline.page.layout import build

        build(self._view, guest, self._dropped)


def _path(scope: Scope) -> str:
    """Return a request's path below where the page is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path


def _length(request: Request) -> int:
    stated = request.headers.get("content-length", "")
    return int(stated) if stated.isdecimal() else 0
