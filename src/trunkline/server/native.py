# SPDX-License-Identifier: Apache-2.0
"""Trunkline's own API: a picture in, every model's answer out; and the models themselves."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import WebSocketRoute

from trunkline.engine.steps import step
from trunkline.predictions import frame_values, json_line
from trunkline.server.answering import route
from trunkline.server.arriving import parts_arriving
from trunkline.server.bodies import read_body
from trunkline.server.context import request_id
from trunkline.server.faults import BadRequestError
from trunkline.server.forms import PROBLEM
from trunkline.server.listings import described, listing
from trunkline.server.multipart import parts_of
from trunkline.server.openapi import document
from trunkline.server.page import CONTENT_SECURITY, page
from trunkline.server.repository import Repository
from trunkline.server.streaming import Lines, answerer, names_in, stream
from trunkline.server.uploads import put, receive, removal_note, remove

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from trunkline.engine.answers import Answers
    from trunkline.server.context import Server
    from trunkline.server.keyfile import Scope
    from trunkline.server.multipart import Part

    Handler = Callable[[Request, Server], Awaitable[Response]]

__all__ = ["routes"]

_UNNAMED = "-"
"""What a picture without a name is called, as on the command line."""


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes; they must come before the container's, which begin with any word."""
    models = _Models(server.repository or Repository(server.plane.models, (), server.settings))
    own = "/models/{name}"
    return [
        _route("/predict", "POST", _predict, "predict"),
        _route("/models", "GET", models.all, "predict"),
        _route(own, "GET", models.one, "predict"),
        _route(own, "POST", models.add, "manage"),
        _route(own, "PUT", models.put, "manage"),
        _route(own, "DELETE", models.remove, "manage"),
        _route("/openapi.json", "GET", _openapi, None),
        _route("/docs", "GET", _docs, None),
        WebSocketRoute("/stream", stream, name="native.stream"),
    ]


def _route(path: str, method: str, handler: Handler, scope: Scope | None) -> BaseRoute:
    name = f"native.{handler.__name__.strip('_')}"
    return route(path, handler, methods=(method,), scope=scope, form=PROBLEM, name=name)


async def _predict(request: Request, server: Server) -> Response:
    if _comes_in_parts(request):
        names = names_in(request.query_params, server)
        most, pause = server.settings.max_body_bytes, server.settings.body_seconds
        parts = parts_arriving(request, most, pause)
        return await _lines(request, server, names, parts)
    # The body first: a client that is still sending it may never see an answer that comes early.
    body = await read_body(request, server.settings.max_body_bytes)
    names = names_in(request.query_params, server)
    frame, picture = _UNNAMED, body
    content_type = request.headers.get("content-type", "")
    if content_type.strip().lower().startswith("multipart/"):
        pictures = _pictures(parts_of(content_type, body))
        if len(pictures) > 1:
            return await _lines(request, server, names, _each(pictures))
        frame, picture = (
            (_called(pictures[0], _UNNAMED), pictures[0].data) if pictures else ("", b"")
        )
    if not picture:
        raise _no_picture()
    line = await server.plane.tell(picture, names, partial(_line, frame))
    return Response(line, media_type="application/json")


def _line(frame: str, answers: Answers) -> bytes:
    with step("encode answers"):
        return json_line(frame_values(frame, answers))


def _comes_in_parts(request: Request) -> bool:
    """Return whether each part is to be answered as it comes."""
    content_type = request.headers.get("content-type", "").strip().lower()
    wanted = "application/x-ndjson" in request.headers.get("accept", "").lower()
    return content_type.startswith("multipart/mixed") or (
        wanted and content_type.startswith("multipart/")
    )


async def _lines(
    request: Request, server: Server, names: Collection[str] | None, parts: AsyncIterator[Part]
) -> Response:
    # The first part is waited for: what is wrong until then is said with a status of its own.
    first = await anext(parts, None)
    if first is None:
        raise _no_picture()

    async def pictures() -> AsyncIterator[tuple[str, bytes]]:
        yield _called(first, "0"), first.data
        number = 0
        async for part in parts:
            number += 1
            yield _called(part, str(number)), part.data

    return Lines(pictures(), answerer(server, names, request_id(request)))


def _pictures(parts: Sequence[Part]) -> Sequence[Part]:
    """Return the parts that are pictures: the files, or else all."""
    return [part for part in parts if part.filename is not None] or parts


async def _each(parts: Sequence[Part]) -> AsyncIterator[Part]:
    for part in parts:
        yield part


def _called(part: Part, otherwise: str) -> str:
    return part.filename or otherwise


def _no_picture() -> BadRequestError:
    return BadRequestError(
        "The request holds no picture; send the file's bytes as the body, or as parts of a "
        "multipart body.",
        code="BadRequestImageStream",
    )


class _Models:
    """What is done with models by name."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def all(self, _: Request, server: Server) -> Response:
        return JSONResponse(listing(server, self._repository))

    async def one(self, request: Request, server: Server) -> Response:
        return JSONResponse(described(server, self._repository, request.path_params["name"]))

    async def add(self, request: Request, server: Server) -> Response:
        return await self._receive(request, server, overwrite=False)

    async def put(self, request: Request, server: Server) -> Response:
        return await self._receive(request, server, overwrite=True)

    async def remove(self, request: Request, _: Server) -> Response:
        name = request.path_params["name"]
        for_good = await asyncio.to_thread(remove, self._repository, name)
        note = removal_note(for_good=for_good)
        return JSONResponse({"name": name, "removed": for_good, "note": note})

    async def _receive(self, request: Request, server: Server, *, overwrite: bool) -> Response:
        name = request.path_params["name"]
        async with receive(request, server.settings) as arrived:
            outcome = await asyncio.to_thread(
                put, self._repository, name, arrived, overwrite=overwrite
            )
        values = {
            **described(server, self._repository, name),
            "kept": outcome.kept is not None,
            "note": outcome.note,
        }
        headers = {"Location": f"/models/{quote(name)}"} if outcome.created else None
        return JSONResponse(values, 201 if outcome.created else 200, headers=headers)


async def _openapi(_: Request, __: Server) -> Response:
    return JSONResponse(document())


async def _docs(_: Request, __: Server) -> Response:
    return HTMLResponse(page(document()), headers={"Content-Security-Policy": CONTENT_SECURITY})
