# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 over one connection, with limits on how long headers may be and may take.

uvicorn's own protocol on ``httptools`` has a limit only for a connection that idles after an
answer. Without these, clients that send a byte now and then would hold connections for ever, and
headers without end would be held in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = ["patient_protocol"]

_MOST_HEADER_BYTES = 32 * 1024
_INVALID = "Invalid HTTP request received."


class _PatientProtocol(HttpToolsProtocol):
    patience: float

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        self._end: asyncio.TimerHandle | None = None
        self._in_headers = True
        self._header_bytes = 0
        self._held = 0  # bytes that have come since the parser last told of anything
        self._is_deaf = False
        self._is_offer = False  # of a protocol that is not spoken here

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of the headers."""
        if self._is_deaf:
            return
        self._held += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._held > _MOST_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response(_INVALID)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self.send_400_response(_INVALID)
        except HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._pass_over(data[upgrade.args[0] :])

    def _pass_over(self, rest: bytes) -> None:
        """Read a request anew as if it offered no other protocol; its body has not been read."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % each for each in self.headers if each[0] != b"upgrade"]
        self._feed(b"\r\n".join((*lines, b"", rest)))

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_headers, self._header_bytes = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take some of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those behind a body are passed over."""
        self._count(len(name) + len(value))
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, if the request names one host (RFC 9112, section 3.2)."""
        self._in_headers, self._header_bytes, self._held = False, 0, 0
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise HttpParserError("there must be one Host header")
        if self.parser.get_method() == b"CONNECT":
            raise HttpParserError("this is no proxy")
        self._is_offer = self.parser.should_upgrade() and not self._should_upgrade()
        if not self._is_offer:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take some of the body."""
        self._held = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._held = 0
        if not self._is_offer:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, when the requests before it have been answered."""
        self._is_deaf = True
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            super().send_400_response(msg)
        elif not cycle.more_body:
            cycle.keep_alive = False
        else:
            self._give_up_on(cycle, msg)

    def _give_up_on(self, cycle: RequestResponseCycle, msg: str) -> None:
        """End a request whose body cannot be read to its end."""
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle.response_started or self.pipeline:
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _MOST_HEADER_BYTES:
            raise HttpParserError("the headers are too long")

    def _wait(self) -> None:
        """Give a request's headers, or what is left of a body that nobody reads, a while."""
        taken_over = self.transport.get_protocol() is not self  # by a WebSocket's protocol
        cycle: RequestResponseCycle | None = self.cycle
        if taken_over or (cycle is not None and not cycle.response_complete):
            self._stop_waiting()
        elif self._end is None:
            self._end = self.loop.call_later(self.patience, self._give_up)

    def _stop_waiting(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _give_up(self) -> None:
        self._end = None
        self.transport.close()


def patient_protocol(seconds: float) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with a limit on the time that headers may take."""
    return type("PatientProtocol", (_PatientProtocol,), {"patience": seconds})
