# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 over one connection, with a limit on the time that headers may take.

uvicorn has a limit only for a connection that idles after an answer. Without this one, clients
that send a byte now and then would hold connections for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

__all__ = ["patient_protocol"]


class _PatientProtocol(H11Protocol):
    patience: float

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of the headers."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_waiting()
        super().connection_lost(exc)

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


def patient_protocol(seconds: float) -> type[H11Protocol]:
    """Return uvicorn's protocol with a limit on the time that headers may take."""
    return type("PatientProtocol", (_PatientProtocol,), {"patience": seconds})
