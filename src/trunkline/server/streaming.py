# SPDX-License-Identifier: Apache-2.0
"""Many pictures over one connection: lines of JSON for the parts of a body, and a WebSocket.

Pictures are answered side by side and told in the order in which they came. Whoever sends faster
than the server answers, or reads slower, is made to wait: nothing is refused and nothing piles up.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect, WebSocketState

from trunkline.predictions import frame_values, json_line
from trunkline.server.answering import as_service_error, check_access, inside
from trunkline.server.context import request_id
from trunkline.server.faults import BadRequestError, BusyError, ServiceError
from trunkline.server.forms import PROBLEM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection

    from starlette.datastructures import QueryParams
    from starlette.types import Receive, Scope, Send
    from starlette.websockets import WebSocket

    from trunkline.server.context import Server

    Answer = Callable[[str, bytes], Awaitable[dict[str, Any]]]
    Pictures = AsyncIterator[tuple[str, bytes]]

__all__ = ["Lines", "answerer", "in_order", "names_in", "stream"]

_AHEAD = 4
"""Pictures of one connection that are answered side by side."""
_UNREAD = 1000
"""Answers that may wait for a client which sends all before it reads."""
_TRY_AGAIN_SECONDS = 0.02
_LOOK_SECONDS = 0.25
_GOING_AWAY = 1001


class Lines(Response):
    """One line of JSON per picture, each sent as soon as it and those before it are answered.

    Args:
        pictures: What they are called, and what they hold; perhaps still on their way.
        answer: Answers one.
    """

    media_type = "application/x-ndjson"

    def __init__(self, pictures: Pictures, answer: Answer) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._pictures = pictures
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; ``receive`` is for the pictures."""
        _ = scope, receive
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)

        async def tell(values: dict[str, Any]) -> None:
            body = json_line(values) + b"\n"
            await send({"type": "http.response.body", "body": body, "more_body": True})

        try:
            await in_order(self._pictures, self._answer, tell, unread=_UNREAD)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except* (ClientDisconnect, OSError):
            pass  # there is no one left to tell


async def stream(websocket: WebSocket) -> None:
    """Answer a WebSocket: pictures come as binary messages, answers go as JSON."""
    server: Server = websocket.app.state.server
    websocket.state.api, websocket.state.route = "native", "stream"
    try:
        check_access(server, websocket.headers, "predict")
        names = names_in(websocket.query_params, server)
        with inside(server):
            await websocket.accept()
            await _converse(websocket, server, names)
    except ServiceError as error:
        await websocket.send_denial_response(PROBLEM(error))


async def _converse(websocket: WebSocket, server: Server, names: Collection[str] | None) -> None:
    pictures = _messages(websocket, server)
    answer = answerer(server, names, request_id(websocket))
    try:
        await in_order(pictures, answer, partial(_say, websocket), unread=_AHEAD)
        if websocket.client_state is WebSocketState.CONNECTED:
            await websocket.close(_GOING_AWAY)
    except* (WebSocketDisconnect, OSError):
        pass  # there is no one left to tell


async def in_order(
    pictures: Pictures,
    answer: Answer,
    tell: Callable[[dict[str, Any]], Awaitable[None]],
    *,
    unread: int,
) -> None:
    """Answer pictures side by side, and tell the answers in order.

    A fault in the pictures themselves, such as a part that is too large, is told last.

    Args:
        pictures: What they are called, and what they hold.
        answer: Answers one.
        tell: Takes the answers.
        unread: How many answers may wait to be told; then no more pictures are taken.

    Raises:
        ExceptionGroup: With what ``tell`` raised; what is under way is given up.
    """
    told: asyncio.Queue[asyncio.Task[dict[str, Any]] | None] = asyncio.Queue(unread)
    free = asyncio.Semaphore(_AHEAD)

    async def feed() -> None:
        number = 0
        try:
            async for frame, picture in pictures:
                number += 1
                await free.acquire()
                task = group.create_task(_called(answer, frame, picture))
                task.add_done_callback(lambda _: free.release())
                await told.put(task)
        except ServiceError as error:
            await told.put(group.create_task(_called(_told, str(number), error)))
        await told.put(None)

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        while (task := await told.get()) is not None:
            await tell(await task)


def answerer(server: Server, names: Collection[str] | None, request: str) -> Answer:
    """Return what answers one picture of a stream, whatever happens.

    Args:
        server: The server.
        names: Whose answers are wanted; None for all.
        request: The request's id.
    """

    async def answer(frame: str, picture: bytes) -> dict[str, Any]:
        try:
            if not picture:
                raise BadRequestError("This holds no picture; send the file's bytes.")
            return frame_values(frame, await _patiently(server, picture, names))
        except Exception as error:  # the pictures behind this one are still to be answered
            return await _told(frame, as_service_error(error, request))

    return answer


def names_in(query: QueryParams, server: Server) -> tuple[str, ...] | None:
    """Return the models that ``?models=a,b`` narrows a request to; None for all.

    Raises:
        NotFoundError: One of them is not loaded.
    """
    given = query.getlist("models")
    if not given:
        return None
    loaded = server.plane.models
    names = [
        name
        for value in given
        for name in ([value] if value in loaded else [each.strip() for each in value.split(",")])
        if name
    ]
    for name in names:
        server.directory.of(name)
    if not names:
        raise BadRequestError("?models= names no model; leave it out to ask all of them.")
    return tuple(dict.fromkeys(names))


async def _patiently(server: Server, picture: bytes, names: Collection[str] | None) -> Any:  # noqa: ANN401 - Answers
    """Answer a picture, waiting for a place in the queue as long as a request may wait."""
    end = time.monotonic() + server.settings.deadline
    while True:
        try:
            return await server.plane.predict(picture, names)
        except BusyError:
            if time.monotonic() >= end:
                raise
            await asyncio.sleep(_TRY_AGAIN_SECONDS)


async def _messages(websocket: WebSocket, server: Server) -> Pictures:
    """Yield the pictures that come, until the client is done or the server is about to stop."""
    for number in itertools.count():
        receiving = asyncio.create_task(websocket.receive())
        try:
            while not receiving.done():
                await asyncio.wait({receiving}, timeout=_LOOK_SECONDS)
                if server.state.draining and not receiving.done():
                    return
        finally:
            receiving.cancel()
        message = receiving.result()
        if message["type"] == "websocket.disconnect":
            return
        yield str(number), message.get("bytes") or b""


async def _say(websocket: WebSocket, values: dict[str, Any]) -> None:
    await websocket.send_text(json_line(values).decode())


async def _told(frame: str, error: ServiceError) -> dict[str, Any]:
    return {"frame": frame, "error": error.message, "status": error.status, "code": error.code}


async def _called(
    function: Callable[..., Awaitable[dict[str, Any]]], *arguments: object
) -> dict[str, Any]:
    # Called within the task: one that is cancelled before it runs leaves nothing unawaited.
    return await function(*arguments)
