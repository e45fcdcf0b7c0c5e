# SPDX-License-Identifier: Apache-2.0
"""Clients that hang up, send half a request, or send what is none."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliability_load import Ask

__all__ = ["RudeClients"]

_LONGEST = 20.0  # seconds that the server has to be rid of one
_MOST_AT_ONCE = 100
_BUSY = frozenset({"429", "503"})  # what anyone may be told under load


class RudeClients:
    """They come one after another, each in the next of the ways there are.

    Args:
        address: Host and port.
        good: A request for a prediction, to be spoilt.
        seed: Of the garbage.

    Attributes:
        counts: How often each way was taken.
        wrong: What the server did that it should not have.
        ending: Whether the server has been told to stop, so that it may close connections.
    """

    def __init__(self, address: tuple[str, int], good: Ask, seed: int = 5) -> None:
        self._address = address
        self._good = good.encoded("rude")
        self._head = self._good.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        self._path = good.path
        self._random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.ending = False

    async def come(self, rate: float, until: Callable[[], bool]) -> None:
        """Come so many times a second until told to stop; return when all have been dealt with."""
        running: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            if until():
                break
            if len(running) < _MOST_AT_ONCE:
                task = asyncio.create_task(self._one(number))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*running)

    async def _one(self, number: int) -> None:
        ways = self._kinds()
        name, (sent, waits, expected) = list(ways.items())[number % len(ways)]
        self.counts[name] += 1
        try:
            async with asyncio.timeout(_LONGEST):
                told = await self._say(sent, waits=waits)
        except TimeoutError:
            self.wrong.append(f"{name}: neither answered nor closed in {_LONGEST:g} s")
            return
        except ConnectionRefusedError:
            return  # the server has stopped
        except OSError:
            told = "closed"
        if told == "closed" and self.ending:
            return
        if waits and told not in expected | _BUSY:
            self.wrong.append(f"{name}: {told}")

    def _kinds(self) -> dict[str, tuple[bytes, bool, frozenset[str]]]:
        """Return, by name, what is sent, whether an end is waited for, and which will do."""
        half = len(self._head) + (len(self._good) - len(self._head)) // 2
        garbage = self._random.randbytes(self._random.randrange(20, 2000))
        no_picture = self._post(len(garbage)) + garbage
        return {
            "hangs up before the answer": (self._good, False, frozenset()),
            "hangs up in the middle of the body": (self._good[:half], False, frozenset()),
            "stops in the middle of the body": (self._good[:half], True, frozenset({"408"})),
            "stops in the middle of the headers": (self._good[:30], True, frozenset({"closed"})),
            "sends garbage": (garbage + b"\r\n\r\n", True, frozenset({"400", "closed"})),
            "sends no picture": (no_picture, True, frozenset({"400"})),
            "announces a gigabyte": (self._post(1 << 30), True, frozenset({"413"})),
        }

    def _post(self, length: int) -> bytes:
        head = f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
        return head.encode()

    async def _say(self, sent: bytes, *, waits: bool) -> str:
        """Send; return the answer's status, or ``"closed"``, or nothing if not waited for."""
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(sent)
            await writer.drain()
            if not waits:
                return ""
            line = await reader.readline()
            return line.split(b" ")[1].decode() if line.startswith(b"HTTP/1.1 ") else "closed"
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
