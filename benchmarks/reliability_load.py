# SPDX-License-Identifier: Apache-2.0
"""Clients that ask over HTTP/1.1: as fast as they are answered, or at a rate of their own.

Every request has an id, which the server logs, so that its log and what clients saw can be held
against each other.
"""

from __future__ import annotations

import asyncio
import itertools
import select
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Ask", "Clients", "Outcome", "exchange"]

_LONGEST = 30.0  # seconds for one request; after that it counts as never answered
_FRESH = 3.0  # a connection that has idled for longer may be about to be closed (keep-alive)
_MOST_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to be made.

    Attributes:
        method: Of HTTP.
        path: With its query.
        body: The content.
        headers: Lines beside those that every request has.
    """

    method: str
    path: str
    body: bytes = b""
    headers: tuple[str, ...] = ()

    def encoded(self, request: str) -> bytes:
        """Return the bytes of the request with this id."""
        lines = (
            f"{self.method} {self.path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"X-Request-Id: {request}",
            f"Content-Length: {len(self.body)}",
            *self.headers,
        )
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        request: Its id.
        path: What was asked.
        begun: When, on the event loop's clock.
        seconds: Until the last byte of the answer, or until there was no more hope of one.
        status: Of the answer; None where there was none.
        why: Where there was none: ``"refused"`` for no connection, ``"cut"``, or ``"never"``.
    """

    request: str
    path: str
    begun: float
    seconds: float
    status: int | None
    why: str = ""


class Clients:
    """Clients of one server, who keep connections and use the one that idled longest.

    Args:
        address: Host and port.
        prefix: Of the requests' ids.
    """

    def __init__(self, address: tuple[str, int], prefix: str) -> None:
        self._address = address
        self._names = (f"{prefix}-{number}" for number in itertools.count())
        self._idle: deque[tuple[float, _Connection]] = deque()
        self.held_back = 0

    async def closed_loop(self, asks: Sequence[Ask], clients: int, seconds: float) -> list[Outcome]:
        """Let each client ask again as soon as it is answered."""
        turn = itertools.cycle(asks)
        outcomes: list[Outcome] = []
        end = asyncio.get_running_loop().time() + seconds

        async def go_on() -> None:
            while asyncio.get_running_loop().time() < end:
                outcomes.append(await self.ask(next(turn)))

        await asyncio.gather(*(go_on() for _ in range(clients)))
        return outcomes

    async def open_loop(
        self, asks: Sequence[Ask], rate: float, seconds: float, until: Callable[[], bool]
    ) -> list[Outcome]:
        """Ask so many times a second, whatever the answers; return when all have come.

        Args:
            asks: What to ask, by turns.
            rate: Requests per second.
            seconds: For how long at most.
            until: Asked before each request; ends it where true.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        running: set[asyncio.Task[Outcome]] = set()
        outcomes: list[Outcome] = []

        def done(task: asyncio.Task[Outcome]) -> None:
            running.discard(task)
            outcomes.append(task.result())

        for number, ask in enumerate(itertools.cycle(asks)):
            due = begun + number / rate
            if due > begun + seconds or until():
                break
            if (pause := due - loop.time()) > 0 or number % 10 == 0:
                await asyncio.sleep(pause)
            if len(running) >= _MOST_AT_ONCE:
                self.held_back += 1
                continue
            task = asyncio.create_task(self.ask(ask))
            running.add(task)
            task.add_done_callback(done)
        while running:
            await asyncio.wait(running)
        return outcomes

    async def ask(self, ask: Ask) -> Outcome:
        """Make one request, and wait for all of its answer."""
        loop = asyncio.get_running_loop()
        request, begun = next(self._names), loop.time()
        status, why = None, ""
        try:
            async with asyncio.timeout(_LONGEST):
                connection = await self._connection()
                status, _ = await connection.exchange(ask.encoded(request))
        except ConnectionRefusedError:
            why = "refused"
        except TimeoutError:  # before OSError, of which it is one
            why = "never"
        except (OSError, EOFError, asyncio.LimitOverrunError):
            why = "cut"
        else:
            self._idle.append((loop.time(), connection))
        return Outcome(request, ask.path, begun, loop.time() - begun, status, why)

    def close(self) -> None:
        """Close the connections that idle."""
        while self._idle:
            self._idle.popleft()[1].close()

    async def _connection(self) -> _Connection:
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, connection = self._idle.popleft()
            if now - since < _FRESH and connection.is_open:
                return connection
            connection.close()
        return await _Connection.to(self._address)


async def exchange(address: tuple[str, int], ask: Ask, request: str) -> tuple[int, bytes]:
    """Make one request over a connection of its own; return status and body."""
    async with asyncio.timeout(_LONGEST):
        connection = await _Connection.to(address)
        try:
            return await connection.exchange(ask.encoded(request))
        finally:
            connection.close()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._kept = True

    @classmethod
    async def to(cls, address: tuple[str, int]) -> _Connection:
        return cls(*await asyncio.open_connection(*address))

    @property
    def is_open(self) -> bool:
        if not self._kept or self._reader.at_eof() or self._writer.is_closing():
            return False
        # Asked of the system, as careful clients do: the event loop may yet have to read the end.
        unread = select.poll()
        unread.register(self._writer.get_extra_info("socket"), select.POLLIN)
        return not unread.poll(0)

    async def exchange(self, sent: bytes) -> tuple[int, bytes]:
        try:
            self._writer.write(sent)
            await self._writer.drain()
            return await self._answer()
        except BaseException:
            self.close()
            raise

    async def _answer(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lines = [line.partition(":") for line in head.split("\r\n")[1:]]
        headers = {name: value.strip() for name, _, value in lines}
        self._kept = headers.get("connection") != "close"
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return int(head.split(" ", 2)[1]), body

    def close(self) -> None:
        self._writer.close()
