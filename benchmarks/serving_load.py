# SPDX-License-Identifier: Apache-2.0
"""A closed loop of clients in a process of its own: each asks again when it has its answer.

    python benchmarks/serving_load.py SPECIFICATION.json

The requests are made before the first is sent, connections stay open where the server lets them,
and a client does nothing but send and read: a thread each, on blocking sockets.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Answer", "Client", "Connection", "Outcome", "run"]

_HOST = "127.0.0.1"
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        status: HTTP's.
        body: What came after the headers.
    """

    status: int
    body: bytes


class Connection:
    """One connection to a server, opened again where the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._held = b""

    def send(self, request: bytes) -> None:
        """Send a whole request."""
        if self._socket is None:
            self._socket = socket.create_connection((_HOST, self._port), _PATIENCE_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._held = b""
        self._socket.sendall(request)

    def receive(self) -> Answer:
        """Read a whole response.

        Raises:
            OSError: The connection broke.
        """
        head = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(":", 1) for line in lines if ":" in line)
        version, status, *_ = first.split(" ")
        length, ends = headers.get("content-length"), False
        if "chunked" in headers.get("transfer-encoding", ""):
            body = self._chunks()
        elif length is not None:
            body = self._exactly(int(length))
        else:
            body, ends = self._rest(), True
        if ends or version == "http/1.0" or "close" in headers.get("connection", ""):
            self.close()
        return Answer(int(status), body)

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._held:
            self._more()
        found, _, self._held = self._held.partition(mark)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._held) < count:
            self._more()
        found, self._held = self._held[:count], self._held[count:]
        return found

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            body += self._exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return body

    def _rest(self) -> bytes:
        try:
            while True:
                self._more()
        except ConnectionError:
            return self._held

    def _more(self) -> None:
        assert self._socket is not None
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._held += data


class Client:
    """Sends the calls of a picture at once, each over a connection of its own.

    Args:
        calls: Ports and whole requests.
    """

    def __init__(self, calls: Sequence[tuple[int, bytes]]) -> None:
        self._calls = [(Connection(port), request) for port, request in calls]

    def ask(self) -> list[Answer]:
        """Send all calls, then read all answers.

        Raises:
            OSError: A connection broke.
        """
        try:
            for connection, request in self._calls:
                connection.send(request)
            return [connection.receive() for connection, _ in self._calls]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        for connection, _ in self._calls:
            connection.close()


@dataclass(slots=True)
class Outcome:
    """What a loop found.

    Attributes:
        seconds: From the end of the warm-up until the last client stopped.
        busy: The share of a core that the clients used, 0 to 1.
        failed: Pictures that were not answered with 200.
        latencies: Seconds from sending to having read, of those answered.
    """

    seconds: float = 0.0
    busy: float = 0.0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)


def run(
    calls: Sequence[tuple[int, bytes]], clients: int, warm_up: float, seconds: float
) -> Outcome:
    """Keep so many clients asking.

    Args:
        calls: What each asks, again and again.
        clients: How many there are.
        warm_up: Seconds that do not count.
        seconds: Seconds after which no client asks again.
    """
    outcome, adding = Outcome(), threading.Lock()
    begin = time.perf_counter() + warm_up
    end = begin + seconds

    def loop() -> None:
        client, took, failed = Client(calls), list[float](), 0
        while (asked := time.perf_counter()) < end:
            try:
                is_right = all(answer.status == 200 for answer in client.ask())
            except OSError:
                is_right = False
            if asked >= begin:
                took += [time.perf_counter() - asked] if is_right else []
                failed += not is_right
        client.close()
        with adding:
            outcome.latencies += took
            outcome.failed += failed

    threads = [threading.Thread(target=loop) for _ in range(clients)]
    used = time.process_time()
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - begin
    outcome.busy = (time.process_time() - used) / (time.perf_counter() - started)
    return outcome


def main(path: str) -> None:
    values = json.loads(Path(path).read_text("utf-8"))
    calls = [(port, Path(file).read_bytes()) for port, file in values["calls"]]
    outcome = run(calls, values["clients"], values["warm_up"], values["seconds"])
    print(
        json.dumps(
            {
                "seconds": outcome.seconds,
                "busy": outcome.busy,
                "failed": outcome.failed,
                "latencies": outcome.latencies,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
