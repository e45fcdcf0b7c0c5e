# SPDX-License-Identifier: Apache-2.0
"""The Open Inference Protocol over HTTP, with the extensions that Triton's clients use.

Binary tensors, classification, model configuration, statistics and the model repository.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from trunkline.server.answering import route
from trunkline.server.bodies import read_body, read_json
from trunkline.server.faults import BadRequestError
from trunkline.server.forms import OIP
from trunkline.server.oip_infer import infer
from trunkline.server.oip_models import (
    check_ready,
    every_model,
    find_model,
    model_config,
    model_metadata,
    model_statistics,
    server_metadata,
)
from trunkline.server.oip_repository import load_model, model_index, unload_model
from trunkline.server.oip_requests import InferRequest, inflate, read_request, write_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from trunkline.server.context import Server
    from trunkline.server.keyfile import Scope
    from trunkline.server.oip_models import Asked

    Handler = Callable[[Request, Server], Awaitable[Response]]

__all__ = ["routes"]


def routes(server: Server) -> list[BaseRoute]:  # noqa: ARG001 - as every API's
    """Return the protocol's routes."""
    return [
        _get("/v2", _metadata, None),
        _get("/v2/health/live", _live, None),
        _get("/v2/health/ready", _ready, None),
        # Ahead of a model that is called "stats"; that one has its version's route.
        _get("/v2/models/stats", _all_statistics, "predict"),
        *_of_model("", "GET", _model_metadata),
        *_of_model("/ready", "GET", _model_ready),
        *_of_model("/config", "GET", _model_config),
        *_of_model("/stats", "GET", _model_statistics),
        *_of_model("/infer", "POST", _infer),
        _post("/v2/repository/index", _index, "predict"),
        _post("/v2/repository/models/{model}/load", _load, "manage"),
        _post("/v2/repository/models/{model}/unload", _unload, "manage"),
    ]


def _get(path: str, handler: Handler, scope: Scope | None) -> BaseRoute:
    return route(path, handler, scope=scope, form=OIP, name=handler.__name__.strip("_"))


def _post(path: str, handler: Handler, scope: Scope) -> BaseRoute:
    name = handler.__name__.strip("_")
    return route(path, handler, methods=("POST",), scope=scope, form=OIP, name=name)


def _of_model(end: str, method: str, handler: Handler) -> Iterator[BaseRoute]:
    """Yield the two routes of an operation on a model, without and with a version."""
    make = _post if method == "POST" else _get
    for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        yield make(path + end, handler, "predict")


async def _metadata(_: Request, __: Server) -> Response:
    return JSONResponse(server_metadata())


async def _live(_: Request, __: Server) -> Response:
    return JSONResponse({"live": True})


async def _ready(_: Request, server: Server) -> Response:
    check_ready(server)
    return JSONResponse({"ready": True})


def _asked(request: Request, server: Server) -> Asked:
    parameters = request.path_params
    return find_model(server, parameters["model"], parameters.get("version", ""))


async def _model_metadata(request: Request, server: Server) -> Response:
    return JSONResponse(model_metadata(_asked(request, server)))


async def _model_ready(request: Request, server: Server) -> Response:
    asked = _asked(request, server)
    check_ready(server)
    return JSONResponse({"name": asked.name, "ready": True})


async def _model_config(request: Request, server: Server) -> Response:
    return JSONResponse(model_config(_asked(request, server)))


async def _model_statistics(request: Request, server: Server) -> Response:
    return JSONResponse(model_statistics(server, [_asked(request, server)]))


async def _all_statistics(_: Request, server: Server) -> Response:
    return JSONResponse(model_statistics(server, every_model(server)))


async def _infer(request: Request, server: Server) -> Response:
    asked = _asked(request, server)
    limit = server.settings.max_body_bytes
    body = await read_body(request, limit)
    # Large bodies take their time; the event loop has others to serve.
    wanted = await asyncio.to_thread(_understood, request, body, limit)
    outputs = await infer(server.plane, asked.model, wanted)
    content, headers = write_response(asked.name, asked.version, wanted, outputs)
    return Response(content, headers=headers)


def _understood(request: Request, body: bytes, limit: int) -> InferRequest:
    encoding = request.headers.get("content-encoding", "").strip().lower()
    plain = inflate(body, encoding, limit)
    return read_request(plain, request.headers.get("inference-header-content-length"))


async def _index(request: Request, server: Server) -> Response:
    sent = await read_json(request, server.settings.max_body_bytes)
    if not isinstance(sent, dict | None):
        raise BadRequestError("The body must be a JSON object, or empty.")
    return JSONResponse(model_index(server, ready=bool((sent or {}).get("ready"))))


async def _load(request: Request, server: Server) -> Response:
    sent = await read_json(request, server.settings.max_body_bytes)
    if isinstance(sent, dict) and sent.get("parameters"):
        raise BadRequestError(
            "A model is loaded as its files are; parameters such as a config are not taken."
        )
    await load_model(server, request.path_params["model"])
    return JSONResponse({})


async def _unload(request: Request, server: Server) -> Response:
    await read_body(request, server.settings.max_body_bytes)
    await unload_model(server, request.path_params["model"])
    return JSONResponse({})
