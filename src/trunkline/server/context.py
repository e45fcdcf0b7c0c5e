# SPDX-License-Identifier: Apache-2.0
"""What every request may need, in one value."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from trunkline.engine.cores import available_cores
from trunkline.page.view import Cameras

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from trunkline.server.dataplane import DataPlane
    from trunkline.server.directory import Directory
    from trunkline.server.keys import KeyRing
    from trunkline.server.live import LivePage
    from trunkline.server.metrics import Metrics
    from trunkline.server.repository import Repository
    from trunkline.server.settings import Settings
    from trunkline.server.tracing import Tracing

__all__ = ["ServedCameras", "Server", "State", "request_id"]

# For each request that may wait or run, one more may be sending its body.
_BODIES_PER_PLACE = 2


class ServedCameras(Cameras, Protocol):
    """Cameras that are watched for as long as the server runs."""

    def start(self) -> None:
        """Start to watch, once the models are loaded."""
        ...

    def close(self) -> None:
        """Stop; takes as long as the last frames do."""
        ...


@dataclass(slots=True)
class State:
    """Where the server is in its life; the one thing here that changes, on the event loop.

    Attributes:
        ready: Whether models are loaded and warm.
        draining: Whether it is about to stop.
        inside: How many requests are being answered, those for health and metrics aside.
        started: When it started, in seconds since 1970.
    """

    ready: bool = False
    draining: bool = False
    inside: int = 0
    started: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Server:
    """What every request may need; in a request it is ``request.app.state.server``.

    Attributes:
        settings: As they were at the start.
        plane: Answers pictures.
        keys: Who may ask.
        directory: The models' names in the service's own API.
        metrics: What is counted.
        repository: Follows the folders that models come from; None where nothing is followed.
        tracing: Makes traces; None where none are wanted.
        cameras: The cameras that are watched with the same models; None where none are.
        state: Where the server is in its life.
    """

    settings: Settings
    plane: DataPlane
    keys: KeyRing
    directory: Directory
    metrics: Metrics
    repository: Repository | None = None
    tracing: Tracing | None = None
    cameras: ServedCameras | None = None
    state: State = field(default_factory=State)

    @cached_property
    def live(self) -> LivePage:
        """The live page, which is not made before somebody asks for it."""
        from trunkline.server.live import LivePage

        return LivePage(self)

    @cached_property
    def places(self) -> int:
        """How many requests may be inside at once."""
        return _BODIES_PER_PLACE * (self.settings.waiting + available_cores())


def request_id(connection: HTTPConnection) -> str:
    """Return a request's id: the client's own X-Request-Id where that is sane, else a new UUID."""
    found: str = connection.state.request_id
    return found
