# SPDX-License-Identifier: Apache-2.0
"""Opening what a person named: cameras, and where their answers go."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trunkline.cli.servecameras import ServerCameras
    from trunkline.engine.modelset import ModelSet
    from trunkline.streams.camerafile import CameraSettings
    from trunkline.streams.rules import Camera
    from trunkline.streams.sinks import Sink

__all__ = ["CONFIG", "cameras_in", "open_cameras", "open_sinks"]

CONFIG = Path("trunkline.toml")
"""The file that is read where no other is named."""


def open_cameras(cameras: Sequence[CameraSettings]) -> list[Camera]:
    """Open cameras; of those that would have one name, the second is called ``name (2)``.

    Raises:
        TrunklineError: One cannot be meant, or two were given the same name.
    """
    opened: list[Camera] = []
    names: dict[str, int] = {}
    for settings in cameras:
        camera = settings.open()
        name = camera.source.name
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            if settings.name is not None:
                raise TrunklineError(f"Two cameras are called {name}; give one another name.")
            camera = settings.open(f"{name} ({names[name]})")
        opened.append(camera)
    return opened


def open_sinks(texts: Sequence[str]) -> list[Sink]:
    """Open all sinks, or none where one cannot be opened.

    Raises:
        TrunklineError: One cannot be.
    """
    from trunkline.streams.sinks import open_sink

    sinks: list[Sink] = []
    try:
        for text in texts:
            sinks.append(open_sink(text))  # noqa: PERF401 - those before one that fails are closed
    except BaseException:
        for sink in sinks:
            sink.close(0)
        raise
    return sinks


def cameras_in(config: Path | None) -> Callable[[ModelSet], ServerCameras] | None:
    """Return what makes the cameras of a file that ``trunkline serve`` reads; None without any.

    Args:
        config: The file; None for ``trunkline.toml`` in the working folder, if it is there.

    Raises:
        TrunklineError: What it says of cameras cannot be meant.
    """
    path = config or CONFIG
    if not _names_cameras(path):
        return None
    from trunkline.cli.servecameras import ServerCameras
    from trunkline.streams.camerafile import read_camera_file

    settings = read_camera_file(path)
    return lambda models: ServerCameras(settings, models)


def _names_cameras(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return bool(tomllib.load(file).get("cameras"))
    except (OSError, ValueError, RecursionError):
        return False  # who reads the settings says it
