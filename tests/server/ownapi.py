# SPDX-License-Identifier: Apache-2.0
"""An API for tests of what all APIs have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from trunkline.errors import ExportError, ModelNameError, PictureError, TrunklineError
from trunkline.server.answering import route
from trunkline.server.context import request_id
from trunkline.server.faults import ConflictError, UnavailableError
from trunkline.server.forms import AZURE, OIP, PLAIN, PROBLEM

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from trunkline.server.context import Server


RAISED = {
    "conflict": ConflictError("It is taken.", code="Taken"),
    "later": UnavailableError("Later.", retry_after=1.2),
    "picture": PictureError("bytes", "it is none"),
    "name": ModelNameError("No model is called 'x'."),
    "export": ExportError("a.zip", "it is broken"),
    "house": TrunklineError("Something is missing."),
    "fault": ValueError("secret detail"),
}


async def echo(request: Request, server: Server) -> Response:
    return JSONResponse({"name": request.path_params["name"], "id": request_id(request)})


async def fail(request: Request, server: Server) -> Response:
    raise RAISED[request.path_params["name"]]


async def wait(request: Request, server: Server) -> Response:
    await asyncio.sleep(0.3)
    return JSONResponse({})


def routes(_: Server) -> list[object]:
    forms = {"azure": AZURE, "oip": OIP, "problem": PROBLEM, "plain": PLAIN}
    failing = [
        route(f"/fail/{name}/{{name}}", fail, scope=None, form=form, name=name)
        for name, form in forms.items()
    ]
    return [
        *failing,
        route("/Echo/{name}/End", echo, scope="predict", form=AZURE, name="own.echo"),
        route("/manage", wait, methods=["POST"], scope="manage", form=OIP, name="own.manage"),
        route("/manage", wait, methods=["PUT"], scope="manage", form=OIP, name="own.put"),
    ]
