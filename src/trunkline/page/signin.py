# SPDX-License-Identifier: Apache-2.0
"""The form that asks for a key: plain HTML, without a script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from trunkline.errors import TrunklineError
from trunkline.page.access import COOKIE

if TYPE_CHECKING:
    from starlette.requests import Request

    from trunkline.page.access import Access

__all__ = ["SIGN_IN", "SIGN_OUT", "form", "sign_in", "sign_out"]

SIGN_IN = "sign-in"
"""Where the form is sent, relative to the page."""

SIGN_OUT = "sign-out"
"""Where a session is ended."""

_MOST_BYTES = 8192


def form(title: str, problem: str = "") -> Response:
    """Return the form.

    Args:
        title: What the page is called.
        problem: What was wrong with the last key; empty where none was tried.
    """
    alert = f'<p class="tl-problem" role="alert">{escape(problem)}</p>' if problem else ""
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="page.css"></head>'
        f'<body class="tl-sign-in"><main><h1>{escape(title)}</h1>'
        f"<p>This page needs a key: the one that programs send to this server.</p>{alert}"
        f'<form method="post" action="{SIGN_IN}"><label for="key">Key</label>'
        '<input id="key" name="key" type="password" autocomplete="current-password" required '
        'autofocus><button type="submit">Sign in</button></form></main></body></html>',
        401,
        headers={"cache-control": "no-store"},
    )


async def sign_in(
    request: Request, access: Access, *, title: str, path: str, scheme: str
) -> Response:
    """Check the key that a form brings, and give a cookie for it."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return PlainTextResponse("A key is not as long as that.", 413)
    key = parse_qs(body.decode("utf-8", "replace")).get("key", [""])[0]
    try:
        token = access.sign_in(key, dict(request.headers), scheme)
    except TrunklineError as error:
        return form(title, str(error))
    # Relative, so that it holds behind a proxy that adds to the path.
    answer = RedirectResponse("./", 303)
    answer.set_cookie(
        COOKIE, token, path=path, httponly=True, samesite="strict", secure=scheme == "https"
    )
    return answer


def sign_out(request: Request, access: Access, *, path: str) -> Response:
    """End a session."""
    access.sign_out(dict(request.headers))
    answer = RedirectResponse("./", 303)
    answer.delete_cookie(COOKIE, path=path, httponly=True, samesite="strict")
    return answer
