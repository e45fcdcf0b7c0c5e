# SPDX-License-Identifier: Apache-2.0
"""What those who run the server ask it: is it alive, is it ready, what has it done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from trunkline.server.answering import route
from trunkline.server.forms import PROBLEM

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from trunkline.server.context import Server

__all__ = ["routes"]


def routes(_server: Server) -> list[BaseRoute]:
    """Return the routes; none of them needs a key, and none tells a model's name."""
    return [
        route("/livez", _live, scope=None, form=PROBLEM, name="operating.livez"),
        route("/readyz", _ready, scope=None, form=PROBLEM, name="operating.readyz"),
        route("/healthz", _ready, scope=None, form=PROBLEM, name="operating.healthz"),
        route("/metrics", _metrics, scope=None, form=PROBLEM, name="operating.metrics"),
    ]


async def _live(_request: Request, _server: Server) -> Response:
    return JSONResponse({"status": "live"})


async def _ready(_request: Request, server: Server) -> Response:
    if server.state.draining:
        return _not_ready("draining", 5)
    if not server.state.ready:
        return _not_ready("loading", 1)
    return JSONResponse({"status": "ready"})


async def _metrics(request: Request, server: Server) -> Response:
    body, content_type = server.metrics.text(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": content_type})


def _not_ready(status: str, retry_after: int) -> Response:
    return JSONResponse({"status": status}, 503, headers={"Retry-After": str(retry_after)})
