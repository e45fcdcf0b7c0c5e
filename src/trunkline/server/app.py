# SPDX-License-Identifier: Apache-2.0
"""The ASGI application: every API's routes, behind the same few layers."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match, Route

from trunkline.server import container, customvision, live, native, openinference, operating
from trunkline.server.faults import ServiceError
from trunkline.server.forms import form_for
from trunkline.server.hosts import KnownHosts
from trunkline.server.journal import Journal
from trunkline.server.paths import SingleSlashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from trunkline.server.context import Server

__all__ = ["make_app"]

_CODES = {404: "NotFound", 405: "MethodNotAllowed"}

# Tried in this order: the container's routes begin with any word, so they come last.
_APIS = (operating, native, live, customvision, openinference, container)


def make_app(server: Server) -> Starlette:
    """Return the application that answers every API.

    It starts and stops nothing: the server's models need not be loaded yet, and whoever runs the
    application sets ``server.state`` and closes ``server.plane``.
    """
    app = Starlette(
        routes=[each for api in _APIS for each in api.routes(server)],
        middleware=_layers(server),
        exception_handlers={HTTPException: _no_route},
    )
    app.router.redirect_slashes = False
    app.state.server = server
    return app


def _layers(server: Server) -> Sequence[Middleware]:
    layers = [Middleware(Journal, server=server), Middleware(KnownHosts, server=server)]
    if server.tracing:
        from trunkline.server.tracing import Traced

        layers.insert(1, Middleware(Traced, tracing=server.tracing))
    layers.append(Middleware(SingleSlashes))
    if server.settings.cors_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=server.settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Request-Id", "X-Request-Id", "Retry-After"],
        )
        layers.append(cors)
    return layers


async def _no_route(request: Request, error: Exception) -> Response:
    """Answer what no route takes, in the form of the API that was meant."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = http.HTTPStatus(status).phrase
    fault = ServiceError(f"{phrase}: {request.method} {request.url.path}", code=_CODES.get(status))
    fault.status = status
    response = form_for(request.url.path)(fault)
    if status == 405:
        response.headers["Allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """Return what can be asked for a path, on all routes that take it."""
    routes = (each for each in request.app.routes if isinstance(each, Route))
    taking = (each for each in routes if each.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for each in taking for method in each.methods or ()})
