# SPDX-License-Identifier: Apache-2.0
"""The Open Inference Protocol over gRPC: ``inference.GRPCInferenceService``.

Keys come as metadata of the same names as HTTP's headers. There is no encryption, as there is
none over HTTP: a proxy does that.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.engine.cores import available_cores
from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.server.answering import as_service_error, check_access
from trunkline.server.faults import ServiceError
from trunkline.server.journal import sane_id
from trunkline.server.oip_grpc_methods import METHODS, model_infer
from trunkline.server.oip_messages import SERVICE, STREAM, message

try:
    import grpc
except ImportError as error:
    raise MissingExtraError("gRPC", package="grpcio", extra="grpc") from error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from trunkline.exports.messages import Message
    from trunkline.server.context import Server
    from trunkline.server.keyfile import Scope

    Context = Any
    Handlers = Mapping[str, Any]

__all__ = ["GrpcServer", "start_grpc"]

_log = logging.getLogger("trunkline.server.requests")

_API = "openinference-grpc"
_LONGEST_MESSAGE = 1000
# Messages are read whole before anyone can refuse them, so that calls are limited, as requests that
# send their bodies are over HTTP.
_CALLS_PER_PLACE = 2
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}


class GrpcServer:
    """A gRPC server that runs.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, server: Any, port: int) -> None:  # noqa: ANN401 - grpc has no types
        self._server = server
        self.port = port

    async def stop(self, grace: float) -> None:
        """Take no more calls, and give those that run some seconds to end."""
        await self._server.stop(grace)


async def start_grpc(server: Server) -> GrpcServer:
    """Start to answer gRPC on the event loop that runs.

    Args:
        server: What answers; its settings say where, and how large a message may be.

    Raises:
        TrunklineError: The address cannot be had.
    """
    host, port = server.settings.host, server.settings.grpc_port or 0
    running = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", server.settings.max_body_bytes),
            ("grpc.max_send_message_length", -1),
            # Otherwise a second server would share the port, and get some of the calls.
            ("grpc.so_reuseport", 0),
        ],
        maximum_concurrent_rpcs=_CALLS_PER_PLACE * (server.settings.waiting + available_cores()),
    )
    running.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, _handlers(server)),)
    )
    address = f"[{host}]" if ":" in host else host
    try:
        bound = running.add_insecure_port(f"{address}:{port}")
    except RuntimeError as error:
        raise TrunklineError(
            f"gRPC cannot listen on {address}:{port}; set grpc_port to another port, or to off."
        ) from error
    await running.start()
    return GrpcServer(running, bound)


def _handlers(server: Server) -> Handlers:
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _unary(server, name),
            request_deserializer=message(f"{name}Request").FromString,
            response_serializer=lambda answer: answer.SerializeToString(),
        )
        for name in METHODS
    }
    handlers[STREAM] = grpc.stream_stream_rpc_method_handler(
        _stream(server),
        request_deserializer=message("ModelInferRequest").FromString,
        response_serializer=lambda answer: answer.SerializeToString(),
    )
    return handlers


@dataclass(slots=True)
class _Call:
    """A call on its way: its id, and the status that HTTP would have given it."""

    id: str
    code: int = 200

    def fault(self, error: Exception) -> ServiceError:
        """Return what the client is told about an error."""
        fault = as_service_error(error, self.id)
        self.code = fault.status
        return fault


def _unary(server: Server, name: str) -> Callable[[Message, Context], Awaitable[Message]]:
    scope, method = METHODS[name]

    async def answer(sent: Message, context: Context) -> Message:
        with _noted(server, name, context) as call:
            try:
                _check(server, context, scope)
                return await method(server, sent)
            except Exception as error:  # whatever it is, the client gets a status
                fault = call.fault(error)
        return await _abort(fault, context)

    return answer


def _stream(
    server: Server,
) -> Callable[[AsyncIterator[Message], Context], AsyncIterator[Message]]:
    async def answer(requests: AsyncIterator[Message], context: Context) -> AsyncIterator[Message]:
        try:
            _check(server, context, "predict")
        except ServiceError as fault:
            await _abort(fault, context)
        async for sent in requests:
            yield await _streamed(server, sent, context)

    return answer


async def _streamed(server: Server, sent: Message, context: Context) -> Message:
    """Answer one request of a stream; where that fails, the stream goes on."""
    response = message("ModelStreamInferResponse")
    with _noted(server, STREAM, context) as call:
        try:
            _check(server, context, "predict")  # the server may be about to stop by now
            return response(infer_response=await model_infer(server, sent))
        except Exception as error:
            fault = call.fault(error)
    return response(error_message=fault.message, infer_response={"id": sent.id})


def _check(server: Server, context: Context, scope: Scope | None) -> None:
    if scope is not None:
        check_access(server, _metadata(context), scope)


def _metadata(context: Context) -> dict[str, str]:
    sent = context.invocation_metadata() or ()
    return {key: value for key, value in sent if isinstance(value, str)}


async def _abort(fault: ServiceError, context: Context) -> Message:
    """End a call with a fault's status; this raises."""
    trailing = list(context.trailing_metadata() or ())
    if fault.retry_after is not None:
        trailing.append(("retry-after", f"{fault.retry_after:g}"))
    code = _CODES.get(fault.status, grpc.StatusCode.INTERNAL)
    # The sentence travels as a header, and what it quotes may be long.
    await context.abort(code, fault.message[:_LONGEST_MESSAGE], tuple(trailing))


@contextmanager
def _traced(server: Server, method: str, context: Context, call: _Call) -> Iterator[None]:
    """Give a call a span, where there are to be any."""
    if server.tracing is None:
        yield
        return
    with server.tracing.request(_metadata(context), call.id) as request:
        request.is_of(_API, method)
        yield
        request.is_answered(call.code)


@contextmanager
def _noted(server: Server, method: str, context: Context) -> Iterator[_Call]:
    """Count a call while it runs, and note it when it has ended."""
    call, begun = _Call(sane_id(_metadata(context).get("x-request-id"))), time.monotonic()
    context.set_trailing_metadata((("request-id", call.id),))
    server.state.inside += 1
    try:
        with _traced(server, method, context, call):
            yield call
    finally:
        server.state.inside -= 1
        seconds = time.monotonic() - begun
        server.metrics.request(_API, method, call.code, seconds)
        fields = {
            "request": call.id,
            "client": context.peer(),
            "method": "GRPC",
            "path": f"/{SERVICE}/{method}",
            "code": call.code,
            "api": _API,
            "route": method,
            "milliseconds": round(1000 * seconds, 1),
        }
        level = logging.WARNING if call.code >= 500 else logging.INFO
        _log.log(level, "request", extra={"fields": fields})
