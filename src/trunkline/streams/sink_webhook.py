# SPDX-License-Identifier: Apache-2.0
"""The sink ``http(s)://...``: every event is posted as JSON, again and again until it is taken."""

from __future__ import annotations

import socket
from base64 import b64encode
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING

from trunkline.predictions import json_line
from trunkline.streams.endpoints import read_endpoint
from trunkline.streams.queues import DeliveryError, QueuedSink
from trunkline.streams.records import event_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.streams.frames import Event, Sight

__all__ = ["Webhook"]

_SHAPE = "https://host/path, in plain ASCII."
_PORTS = {"http": 80, "https": 443}
_SIZE = 256
_SECONDS = 10.0
_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_LONGEST_PAUSE = 60.0

# Not now, but perhaps later: request timeout, too early, too many requests. And every 5xx.
_LATER = frozenset({408, 425, 429})


class _TryAgainError(DeliveryError):
    def __init__(self, problem: str, seconds: float = 0) -> None:
        super().__init__(problem)
        self.seconds = seconds


class Webhook(QueuedSink["Event"]):
    """Posts events, one at a time and in order.

    An event is taken when the server answers 2xx. After 408, 425, 429, 5xx, or no answer it is
    posted again, after growing pauses or the one that the server asks for; after the last pause,
    or any other answer, it is lost. Redirects are not followed.

    Args:
        url: Where to; a user and password in it are sent as basic authentication.
        size: The most events that wait.
        seconds: How long a connection or the server may be silent.
        pauses: Seconds between one attempt and the next.

    Raises:
        TrunklineError: The URL is none.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int = _SIZE,
        seconds: float = _SECONDS,
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        self._endpoint = read_endpoint(url, _PORTS, shape=_SHAPE)
        super().__init__(self._endpoint.name, size=size)
        self._seconds = seconds
        self._pauses = tuple(pauses)
        self._connection: HTTPConnection | None = None
        self._start()

    def _items(self, sight: Sight) -> tuple[Event, ...]:
        return sight.events

    def _deliver(self, item: Event) -> None:
        body = json_line(event_values(item))
        for pause in self._pauses:
            try:
                self._post(body)
            except _TryAgainError as error:
                self._problem = str(error)
                if self._abandoned.wait(max(pause, error.seconds)):
                    raise
            else:
                return
        self._post(body)

    def _post(self, body: bytes) -> None:
        connection = self._connect()
        try:
            connection.request("POST", self._endpoint.path or "/", body, self._headers())
            answer = connection.getresponse()
            status, after = answer.status, answer.getheader("Retry-After", "")
        except (OSError, HTTPException) as error:
            raise _TryAgainError(f"{self.name} does not answer: {_reason(error)}.") from error
        finally:
            self._connection = None
            connection.close()
        problem = f"{self.name} answered {status} to an event."
        if status in _LATER or status >= 500:
            raise _TryAgainError(problem, _pause(after))
        if not 200 <= status < 300:
            raise DeliveryError(problem)

    def _connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self._endpoint.scheme == "https" else HTTPConnection
        connection = kind(self._endpoint.host, self._endpoint.port, timeout=self._seconds)
        self._connection = connection
        return connection

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "trunkline"}
        if self._endpoint.user:
            pair = f"{self._endpoint.user}:{self._endpoint.password}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode('ascii')}"
        return headers

    def _interrupt(self) -> None:
        connection = self._connection
        with suppress(OSError, AttributeError):  # there may be no connection any more
            connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


def _reason(error: Exception) -> str:
    """Return a few words; not an exception's own text, unless the system wrote it."""
    if isinstance(error, TimeoutError):
        return "it takes too long"
    return getattr(error, "strerror", None) or type(error).__name__


def _pause(after: str) -> float:
    """Return what ``Retry-After`` asks for in seconds, within reason; its dates are not read."""
    return min(float(after), _LONGEST_PAUSE) if after.isascii() and after.isdigit() else 0.0
