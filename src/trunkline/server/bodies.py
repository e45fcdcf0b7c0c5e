# SPDX-License-Identifier: Apache-2.0
"""Reading what a client sends, within a size and a time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from trunkline.server.faults import BadRequestError, ServiceError, TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

    from trunkline.server.context import Server

__all__ = ["SlowBodyError", "read_body", "read_json"]

_SLOWEST = 64 * 1024  # bytes per second that earn a body more time


class SlowBodyError(ServiceError):
    """The body took too long to arrive."""

    status, code = 408, "RequestTimeout"


async def read_body(request: Request, limit: int) -> bytes:
    """Return a request's body.

    It must come within the settings' ``body_seconds``; every 64 KiB earn it another second.

    Args:
        request: A request to an application of ``make_app``.
        limit: The most bytes; no more are kept, whatever the headers say.

    Raises:
        TooLargeError: There are more.
        SlowBodyError: They do not come in time.
        starlette.requests.ClientDisconnect: The client has gone.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limit:
        raise _too_large(limit)
    server: Server = request.app.state.server
    now = asyncio.get_running_loop().time()
    end = now + server.settings.body_seconds
    chunks, length = list[bytes](), 0
    try:
        async with asyncio.timeout_at(end) as clock:
            async for chunk in request.stream():
                chunks.append(chunk)
                length += len(chunk)
                if length > limit:
                    raise _too_large(limit)
                clock.reschedule(end + length / _SLOWEST)
    except TimeoutError as error:
        raise SlowBodyError("The body took too long to arrive.") from error
    return b"".join(chunks)


async def read_json(request: Request, limit: int) -> Any:  # noqa: ANN401 - JSON is anything
    """Return a request's body as JSON; None for an empty one.

    Args:
        request: A request to an application of ``make_app``.
        limit: The most bytes.

    Raises:
        BadRequestError: It is not JSON.
        TooLargeError: There are more bytes.
        SlowBodyError: They do not come in time.
    """
    body = await read_body(request, limit)
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("The body is not JSON.") from error


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The body has more than the {limit:,} bytes that are allowed.")
