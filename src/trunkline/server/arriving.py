# SPDX-License-Identifier: Apache-2.0
"""Bodies that are dealt with while they arrive, because they are too large or never end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from trunkline.server.bodies import SlowBodyError
from trunkline.server.faults import BadRequestError, TooLargeError
from trunkline.server.multipart import PartReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from trunkline.server.multipart import Part

__all__ = ["Parser", "arriving", "parts_arriving"]

_SLOWEST = 64 * 1024  # bytes per second that earn a body more time


class Parser:
    """A multipart parser whose faults are the client's.

    Args:
        content_type: The request's ``Content-Type``, with the boundary.
        reader: Takes what is found.

    Raises:
        BadRequestError: The boundary is missing.
    """

    def __init__(self, content_type: str, reader: PartReader) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise _malformed("its Content-Type names no boundary; let your client set that header")
        self._reader = reader
        try:
            self._parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        except FormParserError as error:
            raise _malformed(str(error)) from error

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BadRequestError: The body is not in form.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _malformed(str(error)) from error

    def end(self) -> None:
        """Note that this was all.

        Raises:
            BadRequestError: The closing boundary is missing.
        """
        if not self._reader.ended:
            raise _malformed("it ends before its closing boundary")


async def arriving(request: Request, limit: int | None, seconds: float) -> AsyncIterator[bytes]:
    """Yield a body piece by piece.

    Args:
        request: The request.
        limit: The most bytes; None where there is no end to them.
        seconds: How long the body may take, every 64 KiB earning it another second; without a
            limit, how long each piece may.

    Raises:
        TooLargeError: There are more bytes.
        SlowBodyError: They do not come in time.
        starlette.requests.ClientDisconnect: The client has gone.
    """
    stated = request.headers.get("content-length", "")
    if limit is not None and stated.isdecimal() and int(stated) > limit:
        raise _too_large(limit)
    now = asyncio.get_running_loop().time
    begun, length = now(), 0
    stream = aiter(request.stream())
    while True:
        end = begun + length / _SLOWEST if limit is not None else now()
        try:
            async with asyncio.timeout_at(end + seconds):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise SlowBodyError("The body took too long to arrive.") from error
        if chunk is None:
            return
        length += len(chunk)
        if limit is not None and length > limit:
            raise _too_large(limit)
        yield chunk


async def parts_arriving(request: Request, most: int, seconds: float) -> AsyncIterator[Part]:
    """Yield the parts of a multipart body, each when it is complete.

    Args:
        request: The request.
        most: The most bytes of a part.
        seconds: How long the client may pause.

    Raises:
        BadRequestError: The body is not in form.
        TooLargeError: A part has more bytes.
        SlowBodyError: Nothing comes for too long.
        starlette.requests.ClientDisconnect: The client has gone.
    """
    reader = _Complete(most)
    parser = Parser(request.headers.get("content-type", ""), reader)
    async for chunk in arriving(request, None, seconds):
        parser.write(chunk)
        for part in reader.take():
            yield part
    parser.end()


class _Complete(PartReader):
    """Hands over parts as they become complete."""

    __slots__ = ("_complete", "_most", "_pending")

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._pending = 0
        self._complete: list[Part] = []

    def take(self) -> list[Part]:
        complete, self._complete = self._complete, []
        return complete

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        super()._part_data(data, start, end)
        self._pending += end - start
        if self._pending > self._most:
            raise TooLargeError(f"A part has more than the {self._most:,} bytes that are allowed.")

    def _part_end(self) -> None:
        super()._part_end()
        self._complete.append(self.parts.pop())
        self._pending = 0


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The body has more than the {limit:,} bytes that are allowed.")


def _malformed(why: str) -> BadRequestError:
    return BadRequestError(f"The multipart body cannot be read: {why}.")
