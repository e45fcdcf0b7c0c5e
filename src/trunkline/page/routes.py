# SPDX-License-Identifier: Apache-2.0
"""What the page fetches by itself: its own script and style, and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from starlette.responses import JSONResponse, PlainTextResponse, Response

from trunkline.page.overlay import answers_html, overlay_html

if TYPE_CHECKING:
    from starlette.requests import Request

    from trunkline.page.pictures import Dropped, Shelf
    from trunkline.page.view import PictureView

__all__ = ["ASSETS", "asset", "camera_address", "camera_route", "dropped_route"]

ASSETS = {"page.css": "text/css", "page.js": "text/javascript"}
"""The page's own files, and what they are."""

_FOLDER = Path(__file__).parent / "assets"
_PRIVATE = {"cache-control": "no-store"}


def asset(name: str) -> Response:
    """Return one of the page's own files."""
    body = (_FOLDER / name).read_text("utf-8")
    return Response(body, media_type=ASSETS[name], headers={"cache-control": "no-cache"})


def camera_address(camera: str) -> str:
    """Return where a camera's pictures are, relative to the page, without the suffix."""
    return f"cameras/{quote(camera, safe='', errors='surrogateescape')}"


async def camera_route(request: Request, shelf: Shelf) -> Response:
    """Answer with a camera's picture, or with what is drawn over it.

    ``cameras/NAME.json?after=VERSION&all=1`` says what is drawn over the newest picture, and with
    ``all`` what every model says; nothing (status 204) where there is no newer one.
    ``cameras/NAME.jpg?version=VERSION`` is that very picture, or else the newest.
    """
    camera, suffix = _camera_in(request)
    if suffix == "jpg":
        return await _jpeg(request, camera, shelf)
    picture = await shelf.latest(camera) if suffix == "json" else None
    if picture is None and suffix != "json":
        return PlainTextResponse("A camera's picture ends in .jpg.", 404)
    if picture is None or str(picture.version) == request.query_params.get("after"):
        return Response(status_code=204, headers=_PRIVATE)
    return JSONResponse(_frame(picture, everything="all" in request.query_params), headers=_PRIVATE)


def dropped_route(request: Request, dropped: Dropped) -> Response:
    """Answer with a picture that somebody has dropped: ``dropped/WORD.jpg``."""
    token = request.url.path.rpartition("/")[2].removesuffix(".jpg")
    jpeg = dropped.get(token)
    if jpeg is None:
        return PlainTextResponse("That picture is no longer held.", 404)
    return Response(jpeg, media_type="image/jpeg", headers=_PRIVATE)


async def _jpeg(request: Request, camera: str, shelf: Shelf) -> Response:
    version = request.query_params.get("version", "")
    picture = shelf.of_version(camera, int(version)) if version.isdecimal() else None
    picture = picture or await shelf.latest(camera)
    if picture is None:
        return PlainTextResponse("That camera has no picture yet.", 404, headers=_PRIVATE)
    return Response(picture.jpeg, media_type="image/jpeg", headers=_PRIVATE)


def _frame(picture: PictureView, *, everything: bool) -> dict[str, object]:
    frame: dict[str, object] = {
        "version": picture.version,
        "width": picture.width,
        "height": picture.height,
        "overlay": overlay_html(picture.answers),
    }
    return frame | {"answers": answers_html(picture.answers)} if everything else frame


def _camera_in(request: Request) -> tuple[str, str]:
    """Return a camera's name and the suffix; a name may hold any byte, slashes too."""
    raw = request.scope.get("raw_path") or quote(request.url.path).encode()
    last = raw.decode("ascii", "replace").partition("?")[0].rpartition("/")[2]
    name, _, suffix = last.rpartition(".")
    return unquote(name, errors="surrogateescape"), suffix
