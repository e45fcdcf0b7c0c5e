# SPDX-License-Identifier: Apache-2.0
"""What the live page shows of a server, and what can be done there."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError
from trunkline.exports.arrived import arrived_file
from trunkline.page.modelviews import ModelViews
from trunkline.server.answering import inside
from trunkline.server.faults import ConflictError, ServiceError, TooLargeError
from trunkline.server.recent import Recent
from trunkline.server.repository import Repository
from trunkline.server.uploads import Outcome, put, removal_note, remove

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trunkline.page.view import CameraView, EventView, ModelView, PictureView
    from trunkline.predictions import Prediction
    from trunkline.server.context import Server

__all__ = ["ServerView"]


class ServerView:
    """A server and its models, as ``trunkline.page.view.View`` has them.

    Args:
        server: The server.

    Attributes:
        may_manage: Whether models can be added and removed: always.
    """

    may_manage = True

    def __init__(self, server: Server) -> None:
        self._server = server
        self._models = server.plane.models
        self._repository = server.repository or Repository(self._models, (), server.settings)
        self._views = ModelViews(self._models)
        self._recent = Recent(server.plane.tally)

    @property
    def title(self) -> str:
        """What the page is called; the machine's name is not told where keys are needed."""
        if self._server.keys.required:
            return "Trunkline"
        return f"Trunkline on {socket.gethostname()}"

    def cameras(self) -> Sequence[CameraView]:
        """Return the cameras that the server watches."""
        return self._server.cameras.cameras() if self._server.cameras else ()

    def models(self) -> Sequence[ModelView]:
        """Return all models, with what both requests and cameras ask of them."""
        rates, latencies = self._recent.look(self._models)
        if self._server.cameras:
            watched = self._server.cameras.rates()
            latencies = _means((rates, latencies), (watched, self._server.cameras.latencies()))
            rates = {n: rates.get(n, 0) + watched.get(n, 0) for n in {*rates, *watched}}
        return self._views.views(rates, latencies)

    def events(self, after: int) -> Sequence[EventView]:
        """Return the events kept with a serial greater than ``after``, oldest first."""
        return self._server.cameras.events(after) if self._server.cameras else ()

    async def picture(self, camera: str) -> PictureView | None:
        """Return a camera's last picture; None before the first, and where there is no such."""
        return await self._server.cameras.picture(camera) if self._server.cameras else None

    async def predict(self, data: bytes) -> Mapping[str, Prediction]:
        """Return what every model says about a picture's file.

        Raises:
            TrunklineError: It cannot be read or is too large, or the server is too busy.
        """
        with _as_sentences(), inside(self._server):
            _check_size(data, self._server.settings.max_body_bytes)
            return await self._server.plane.predict(data)

    async def add(self, name: str, data: bytes) -> str:
        """Load a model from a zip or a model's file, and say how long it will be there.

        Raises:
            TrunklineError: It cannot be loaded, or the name is taken.
        """
        with _as_sentences(), inside(self._server):
            _check_size(data, self._server.settings.max_models_body_bytes)
            return (await asyncio.to_thread(self._put, name, data)).note

    def _put(self, name: str, data: bytes) -> Outcome:
        with arrived_file(data) as arrived:
            try:
                return put(self._repository, name, arrived, overwrite=False)
            except ConflictError as error:
                raise ConflictError(
                    f"A model called {name!r} is loaded already; remove it first, or give this "
                    "one another name."
                ) from error

    async def remove(self, name: str) -> str:
        """Unload a model, and say what became of its files.

        Raises:
            TrunklineError: There is none of that name.
        """
        with _as_sentences(), inside(self._server):
            for_good = await asyncio.to_thread(remove, self._repository, name)
        return removal_note(for_good=for_good)


def _means(*parts: tuple[Mapping[str, float], Mapping[str, float]]) -> Mapping[str, float]:
    """Return latencies by model, each the mean of several, weighted by how often they are."""
    means: dict[str, float] = {}
    for name in {name for _, latencies in parts for name in latencies}:
        found = [(rates.get(name, 0), each[name]) for rates, each in parts if name in each]
        total = sum(rate for rate, _ in found)
        means[name] = sum(r * s for r, s in found) / total if total else found[-1][1]
    return means


@contextmanager
def _as_sentences() -> Iterator[None]:
    """Raise what is meant for clients of the server as what is meant for people."""
    try:
        yield
    except ServiceError as error:
        raise TrunklineError(error.message) from error


def _check_size(data: bytes, most: int) -> None:
    if len(data) > most:
        raise TooLargeError(f"The file has {len(data)} bytes; at most {most} are allowed.")
