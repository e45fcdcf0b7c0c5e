# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client of a few lines, on wsproto, which the server needs as well."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class RefusedError(Exception):
    """The server would not talk."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class EndedError(Exception):
    """The server has closed the connection."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._texts = ""

    def open(self, host: str, path: str, headers: Mapping[str, str]) -> None:
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._write(Request(host=host, target=path, extra_headers=extra))
        status, body = 0, b""
        for event in self._events():
            match event:
                case AcceptConnection():
                    return
                case RejectConnection(status_code=status, has_body=False):
                    raise RefusedError(status, b"")
                case RejectConnection(status_code=status):
                    pass
                case RejectData(data=data, body_finished=finished):
                    body += data
                    if finished:
                        raise RefusedError(status, body)

    def send(self, data: bytes | str) -> None:
        self._write(BytesMessage(data) if isinstance(data, bytes) else TextMessage(data))

    def receive(self) -> Any:
        for event in self._events():
            match event:
                case TextMessage(data=data, message_finished=finished):
                    self._texts += data
                    if finished:
                        text, self._texts = self._texts, ""
                        return json.loads(text)
                case CloseConnection(code=code):
                    raise EndedError(code)
        raise EndedError(0)

    def close(self) -> None:
        self._write(CloseConnection(1000))

    def drop(self) -> None:
        """Go without a word."""
        self._connection.close()

    def _write(self, event: Event) -> None:
        self._connection.sendall(self._protocol.send(event))

    def _events(self) -> Iterator[Event]:
        while True:
            yield from self._protocol.events()
            data = self._connection.recv(65536)
            self._protocol.receive_data(data or None)
            if not data:
                return


@contextmanager
def connected(base: str, path: str, **headers: str) -> Iterator[Socket]:
    """Open a WebSocket to a server; close it if the server has not."""
    address = urlsplit(base)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        made = Socket(connection)
        made.open(address.netloc, path, headers)
        try:
            yield made
            made.close()
        except (EndedError, OSError):
            pass
