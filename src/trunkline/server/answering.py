# SPDX-License-Identifier: Apache-2.0
"""What all routes have in common: the key, the error's form, the names in the metrics."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from trunkline.errors import ExportError, ModelNameError, PictureError, TrunklineError
from trunkline.server.context import request_id
from trunkline.server.faults import (
    BadRequestError,
    BusyError,
    NotFoundError,
    ServiceError,
    UnavailableError,
)
from trunkline.server.paths import AnyCaseRoute

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping

    from starlette.types import Receive, Send
    from starlette.types import Scope as AsgiScope

    from trunkline.server.context import Server
    from trunkline.server.forms import Form
    from trunkline.server.keyfile import Scope

    Handler = Callable[[Request, Server], Awaitable[Response]]

__all__ = ["as_service_error", "check_access", "inside", "route"]

_log = logging.getLogger("trunkline.server")

_CLIENT_GONE = 499  # no one reads it; nginx's number for the log


def route(  # noqa: PLR0913 - this is what a route is
    path: str,
    handler: Handler,
    *,
    methods: Collection[str] = ("GET",),
    scope: Scope | None,
    form: Form,
    name: str,
) -> AnyCaseRoute:
    """Return a route that checks the key, answers, and says in its API's form what went wrong.

    Args:
        path: As Starlette has it: ``"/predict/{name}"``. It matches in any case.
        handler: Answers a request; what it raises becomes an error response.
        methods: HTTP methods.
        scope: What a key must be for; None for a route that is open to all, loading or not.
        form: The API's form of errors.
        name: For the metrics, as ``"api.operation"``; without a dot, the form names the API.
    """
    api, _, operation = name.rpartition(".")
    endpoint = _Endpoint(handler, scope, form, api or form.api, operation)
    return AnyCaseRoute(path, endpoint, methods=methods, name=name)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    handler: Handler
    scope: Scope | None
    form: Form
    api: str
    operation: str

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        request.state.api, request.state.route = self.api, self.operation
        with ExitStack() as held:
            try:
                response = await self._answer(request, held)
            except ClientDisconnect:
                response = Response(status_code=_CLIENT_GONE)
            except Exception as error:  # whatever it is, the client gets it in the API's form
                response = self.form(as_service_error(error, request_id(request)))
            # The request has its place until the last of the answer has been sent.
            await response(scope, receive, send)

    async def _answer(self, request: Request, held: ExitStack) -> Response:
        server: Server = request.app.state.server
        if self.scope is not None:
            check_access(server, request.headers, self.scope)
            held.enter_context(inside(server))
        return await self.handler(request, server)


def check_access(server: Server, headers: Mapping[str, str], scope: Scope) -> None:
    """Let a request pass, or not.

    Args:
        server: The server.
        headers: The request's.
        scope: What a key must be for.

    Raises:
        UnauthorizedError: There is no key, or a wrong one.
        ForbiddenError: The key is for other things.
        UnavailableError: Models are still being loaded, or the server is about to stop.
    """
    server.keys.check(headers, scope)
    if server.state.draining:
        raise UnavailableError("The server is about to stop.", retry_after=5)
    if not server.state.ready:
        raise UnavailableError("The models are still being loaded; try again.", retry_after=1)


@contextmanager
def inside(server: Server) -> Iterator[None]:
    """Count a request while it lasts.

    Args:
        server: The server.

    Raises:
        BusyError: So many are being read that memory is at stake.
    """
    if server.state.inside >= server.places:
        raise BusyError("Too many requests are being answered; try again.", retry_after=1)
    server.state.inside += 1
    try:
        yield
    finally:
        server.state.inside -= 1


def as_service_error(error: Exception, request: str) -> ServiceError:
    """Return what a client is told about an error.

    What is not meant for clients is logged, and they get the request's id.

    Args:
        error: What a handler raised.
        request: The request's id.
    """
    match error:
        case ServiceError():
            return error
        case PictureError():
            return BadRequestError(str(error), code="BadRequestImageFormat")
        case ModelNameError():
            return NotFoundError(str(error))
        case ExportError():
            return BadRequestError(str(error))
        case TrunklineError():
            return ServiceError(str(error))
    _log.error("A request failed.", exc_info=error, extra={"fields": {"request": request}})
    return ServiceError(
        f"This is a fault in the server; its log says more about request {request}."
    )
