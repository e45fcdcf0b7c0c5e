# SPDX-License-Identifier: Apache-2.0
"""The cameras in ``trunkline.toml``, watched by ``trunkline serve`` with the server's models."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from trunkline.cli.cameras import open_cameras, open_sinks
from trunkline.streams.pageview import WatchedCameras
from trunkline.streams.showing import Showing
from trunkline.streams.watching import Watcher

if TYPE_CHECKING:
    from trunkline.engine.modelset import ModelSet
    from trunkline.streams.camerafile import WatchSettings

__all__ = ["ServerCameras"]

_log = logging.getLogger("trunkline.server.cameras")


class ServerCameras(WatchedCameras):
    """Cameras that are watched, beside all else, from ``start`` to ``close``.

    Args:
        settings: Cameras, and where their answers go.
        models: The server's; they may come and go.

    Raises:
        TrunklineError: A camera or sink cannot be opened.
    """

    def __init__(self, settings: WatchSettings, models: ModelSet) -> None:
        showing = Showing()
        cameras = open_cameras(settings.cameras)
        watcher = Watcher(models, cameras, sinks=[*open_sinks(settings.sinks), showing])
        super().__init__(watcher, showing)
        self._thread = threading.Thread(target=self._run, name="trunkline-cameras", daemon=True)

    def start(self) -> None:
        """Start to watch, once the models are loaded."""
        _log.info("%d cameras are watched.", len(self.cameras()))
        self._thread.start()

    def close(self) -> None:
        """Stop, and let sinks write what they hold."""
        self._watcher.stop()
        if self._thread.is_alive():
            self._thread.join()
        self._watcher.close()

    def _run(self) -> None:
        try:
            self._watcher.run()
        except Exception:
            _log.exception("A fault ended the watching of all cameras; requests are answered.")
