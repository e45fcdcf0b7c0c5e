# SPDX-License-Identifier: Apache-2.0
"""NiceGUI's one application per process: set up once, started and ended by whoever has a page.

NiceGUI keeps its state in module variables, so only one page can run at a time in a process.
Pages can follow one another, each on an event loop of its own.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002 - FastAPI looks at the annotation

from trunkline.errors import MissingExtraError, TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

__all__ = ["PAGE_KEY", "NiceGui"]

PAGE_KEY = "trunkline.page"
"""Where a request's scope holds the function that builds the page."""

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#0f766e"/>'
    '<path d="M16 27V15M16 21l-8-7M16 18l8-8" stroke="#fff" stroke-width="3" fill="none" '
    'stroke-linecap="round"/><circle cx="8" cy="12" r="3" fill="#fff"/>'
    '<circle cx="16" cy="11" r="3" fill="#fff"/><circle cx="24" cy="8" r="3" fill="#fff"/></svg>'
)

_running: list[object] = []


class NiceGui:
    """A turn at NiceGUI's application.

    Raises:
        MissingExtraError: NiceGUI is not installed.
    """

    def __init__(self) -> None:
        self.app: ASGIApp = _configured()
        self._ending = AsyncExitStack()

    @property
    def running(self) -> bool:
        """Whether it is this one's turn."""
        return self in _running

    async def start(self) -> None:
        """Start NiceGUI on the running event loop.

        Raises:
            TrunklineError: Another page of this process runs already.
        """
        if _running:
            raise TrunklineError(
                "A live page runs in this process already, and there can be only one; close it "
                "first, or run the second in a process of its own."
            )
        from nicegui import app

        _running.append(self)
        try:
            await self._ending.enter_async_context(app.router.lifespan_context(app))
        except BaseException:
            _running.remove(self)
            raise

    async def stop(self) -> None:
        """End it, and every visitor's page; does nothing where it has not been started."""
        if not self.running:
            return
        try:
            await _forget_visitors()
            await self._ending.aclose()
        finally:
            _running.remove(self)


@cache
def _configured() -> ASGIApp:
    try:
        from nicegui import app, ui
    except ImportError as error:
        raise MissingExtraError("The live page", package="nicegui", extra="page") from error
    from fastapi import FastAPI

    # NiceGUI wants to be mounted into an application of FastAPI's. It takes its settings from the
    # call; the application that it is then reached through is ours.
    ui.run_with(
        FastAPI(),
        favicon=_ICON,
        dark=None,
        title="Trunkline",
        show_welcome_message=False,
        tailwind=False,
        binding_refresh_interval=None,
    )
    ui.page("/")(_page)
    logging.getLogger("nicegui").addFilter(_no_missing_pages)
    return app


def _page(request: Request) -> None:
    build: Callable[[], None] = request.scope[PAGE_KEY]
    build()


def _no_missing_pages(record: logging.LogRecord) -> bool:
    """Leave out a line for every address that somebody tries."""
    return not record.getMessage().endswith(" not found")


async def _forget_visitors() -> None:
    from nicegui import Client, core

    for client in list(Client.instances.values()):
        client.delete()
    engine = core.sio.eio
    if engine.service_task_handle is not None:
        await core.sio.shutdown()
    # The next page may run on another event loop, and its sockets be looked after there.
    engine.start_service_task = True
    engine.service_task_event = None
