# SPDX-License-Identifier: Apache-2.0
"""The forms in which each API says that something went wrong."""

from __future__ import annotations

import http
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from trunkline.server.faults import ServiceError

__all__ = ["AZURE", "OIP", "PLAIN", "PROBLEM", "Form", "form_for"]


@dataclass(frozen=True, slots=True)
class Form:
    """How an API says that something went wrong.

    Attributes:
        api: What metrics call the API, where a route does not say.
        body: Makes the response, without the headers that all have in common.
    """

    api: str
    body: Callable[[ServiceError], Response]

    def __call__(self, error: ServiceError) -> Response:
        """Return the response for an error."""
        response = self.body(error)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
        if error.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="trunkline"'
        return response


def _azure(error: ServiceError) -> Response:
    # At the top level: the clients find no code in {"error": {...}}.
    body = {"code": error.code, "message": error.message}
    return JSONResponse(body, error.status, media_type="application/json; charset=utf-8")


def _oip(error: ServiceError) -> Response:
    return JSONResponse({"error": error.message}, error.status)


def _problem(error: ServiceError) -> Response:
    # RFC 9457; "code" is an extension member, as its section 3.2 allows.
    body = {
        "type": "about:blank",
        "title": http.HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    return JSONResponse(body, error.status, media_type="application/problem+json")


def _plain(error: ServiceError) -> Response:
    return PlainTextResponse(error.message, error.status)


AZURE = Form("customvision", _azure)
"""``{"code", "message"}``, the service's own."""
OIP = Form("openinference", _oip)
"""``{"error"}``, of the Open Inference Protocol."""
PROBLEM = Form("native", _problem)
"""Problem details as in RFC 9457."""
PLAIN = Form("container", _plain)
"""A sentence as plain text, as the exported container has it."""


def form_for(path: str) -> Form:
    """Return the form for a path that no route has taken."""
    low = path.lower()
    if low.startswith("/customvision/"):
        return AZURE
    return OIP if low == "/v2" or low.startswith("/v2/") else PROBLEM
