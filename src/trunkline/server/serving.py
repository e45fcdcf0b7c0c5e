# SPDX-License-Identifier: Apache-2.0
"""The life of a server process: bind, load, warm up, serve, drain, end."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import signal
import time
from typing import TYPE_CHECKING

import numpy as np

from trunkline.errors import TrunklineError
from trunkline.server.app import make_app
from trunkline.server.assembly import assemble
from trunkline.server.binding import bind
from trunkline.server.greeting import greeting
from trunkline.server.logs import start_logging
from trunkline.server.running import HttpServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from trunkline.engine.modelset import ModelSet
    from trunkline.server.context import ServedCameras, Server
    from trunkline.server.oip_grpc import GrpcServer
    from trunkline.server.settings import Settings

__all__ = ["serve"]

_log = logging.getLogger("trunkline.server")

_BLANK = np.zeros((64, 64, 3), np.uint8)
_TICK_SECONDS = 0.02
_NOTICE_SECONDS = 0.25  # what is sent before the news of the end has spread is answered


def serve(
    settings: Settings,
    say: Callable[[str], None],
    cameras: Callable[[ModelSet], ServedCameras] | None = None,
) -> int:
    """Serve until a signal ends it.

    The first SIGTERM or SIGINT lets requests that run end; a second one ends the process at once.

    Args:
        settings: How to serve.
        say: Is told, for a person, where and what is served, once it is.
        cameras: Makes the cameras that are watched with the server's models; None for none.

    Returns:
        The exit status: 0, or 2 where models were named and none can be loaded.

    Raises:
        TrunklineError: The address cannot be had or needs a key, or the keys cannot be read.
    """
    start_logging(settings.log_format)
    server = assemble(settings, cameras=cameras)
    listener = bind(settings.host, settings.port, server.keys)
    try:
        return asyncio.run(_Life(server, listener, say).live())
    finally:
        listener.close()
        server.plane.close()


class _Life:
    def __init__(self, server: Server, listener: socket.socket, say: Callable[[str], None]) -> None:
        self._server = server
        self._listener = listener
        self._say = say
        self._http = HttpServer(make_app(server), server.settings)
        self._stopping = asyncio.Event()
        self._grpc: GrpcServer | None = None
        self._status = 0

    async def live(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        serving = asyncio.create_task(self._http.serve(sockets=[self._listener]))
        serving.add_done_callback(lambda _: self._stopping.set())
        starting = asyncio.create_task(self._start())
        try:
            await self._stopping.wait()
            await starting
            await self._quiet()
        finally:
            self._http.should_exit = True
            await serving
            await self._end()
        _log.info("Stopped.")
        return self._status

    async def _start(self) -> None:
        try:
            self._grpc = await self._start_grpc()
            await asyncio.to_thread(self._load)
        except TrunklineError as error:
            _log.error("%s", error)
            self._status = 2
            self._stopping.set()
        except BaseException:
            self._stopping.set()
            raise
        else:
            self._begin()

    def _begin(self) -> None:
        if not self._server.state.draining:
            self._server.state.ready = True
            if self._server.cameras:
                self._server.cameras.start()
            port = self._grpc.port if self._grpc else None
            self._say(greeting(self._server, self._listener, port))

    async def _start_grpc(self) -> GrpcServer | None:
        if self._server.settings.grpc_port is None:
            return None
        if importlib.util.find_spec("grpc") is None:
            _log.info("There is no gRPC; it comes with: pip install 'trunkline[grpc]'")
            return None
        from trunkline.server.oip_grpc import start_grpc

        return await start_grpc(self._server)

    def _load(self) -> None:
        begun = time.monotonic()
        models, settings = self._server.plane.models, self._server.settings
        if self._server.repository:
            self._server.repository.scan()
            self._server.repository.start()
        if settings.models and not models and settings.watch_seconds is None:
            raise TrunklineError("No model could be loaded, so nothing is served.")
        models.predict(_BLANK)  # what runs for the first time takes longer
        _log.info("Loaded %d models in %.1f s.", len(models), time.monotonic() - begun)

    def _stop(self, number: signal.Signals) -> None:
        if self._server.state.draining:
            _log.warning("Stopped at once, by a second %s.", number.name)
            logging.shutdown()
            os._exit(128 + number)
        _log.info("Stopping after %s: requests that run may end.", number.name)
        self._server.state.draining = True
        self._stopping.set()

    async def _quiet(self) -> None:
        """Wait until no request runs, while new ones are told that the server is about to stop."""
        end = time.monotonic() + self._server.settings.drain_seconds
        await asyncio.sleep(min(_NOTICE_SECONDS, self._server.settings.drain_seconds))
        while self._server.state.inside and time.monotonic() < end:
            await asyncio.sleep(_TICK_SECONDS)

    async def _end(self) -> None:
        await self._server.live.close()
        if self._server.cameras:
            await asyncio.to_thread(self._server.cameras.close)
        if self._grpc:
            await self._grpc.stop(_NOTICE_SECONDS)
        if self._server.repository:
            await asyncio.to_thread(self._server.repository.stop)
        await self._server.plane.drain()
        if self._server.tracing:
            await asyncio.to_thread(self._server.tracing.close)
