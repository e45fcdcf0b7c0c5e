# SPDX-License-Identifier: Apache-2.0
"""The service's own prediction API, versions 3.0 and 3.1: all eight operations.

The service keeps pictures that come without ``/nostore`` for its users to train on. This server
keeps none: both forms of each operation answer alike.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, get_args

from starlette.responses import JSONResponse

from trunkline.server.answering import route
from trunkline.server.context import request_id
from trunkline.server.cv_answers import image_prediction
from trunkline.server.directory import Kind
from trunkline.server.faults import BadRequestError, NotFoundError
from trunkline.server.fetching import Fetcher
from trunkline.server.forms import AZURE
from trunkline.server.receiving import Source, picture_of, read_source

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from trunkline.server.context import Server

__all__ = ["routes"]

_BASE = "/customvision/v3.{minor:int}/prediction/{project}"


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of the eight operations."""
    fetcher = Fetcher(server.settings.fetch)
    return [
        route(
            f"{_BASE}/{kind}/iterations/{{name}}/{source}{store}",
            partial(_predict, kind=kind, source=source, fetcher=fetcher),
            methods=("POST",),
            scope="predict",
            form=AZURE,
            name=f"customvision.{kind}_{source}",
        )
        for kind in get_args(Kind)
        for source in get_args(Source)
        for store in ("", "/nostore")
    ]


async def _predict(
    request: Request, server: Server, *, kind: Kind, source: Source, fetcher: Fetcher
) -> Response:
    # The body first: a client that is still sending it may never see an answer that comes early.
    body = await read_source(request, server, source)
    asked = request.path_params
    published = server.directory.of(_model(server, asked["project"], asked["name"], kind))
    picture = await picture_of(request, body, source, fetcher)
    answers = await server.plane.predict(picture, (published.model,))
    prediction_id = _uuid(request_id(request)) or uuid.uuid4()
    answer = image_prediction(
        answers[published.model],
        published,
        prediction_id=prediction_id,
        project_id=_uuid(asked["project"]) or published.project_id,
        tag_types=asked["minor"] >= 1,
    )
    named = dict.fromkeys(("Request-Id", "apim-request-id"), str(prediction_id))
    return JSONResponse(answer, headers=named, media_type="application/json; charset=utf-8")


def _model(server: Server, project: str, name: str, kind: Kind) -> str:
    """Return the name of the model that is meant; one of the other kind is a bad request."""
    try:
        return server.directory.find(project, name, kind)
    except NotFoundError:
        other: Kind = "classify" if kind == "detect" else "detect"
        try:
            server.directory.find(project, name, other)
        except NotFoundError:
            pass
        else:
            raise BadRequestError(
                f"Invalid project type for operation: use /{other}/ in the path for {name!r}."
            ) from None
        raise


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
