# SPDX-License-Identifier: Apache-2.0
"""Putting a server together from its settings and its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.engine.modelset import ModelSet
from trunkline.server.context import Server
from trunkline.server.dataplane import DataPlane
from trunkline.server.directory import Directory
from trunkline.server.keys import KeyRing
from trunkline.server.metrics import Metrics
from trunkline.server.repository import Repository

if TYPE_CHECKING:
    from trunkline.server.settings import Settings

__all__ = ["assemble"]


def assemble(settings: Settings, models: ModelSet | None = None) -> Server:
    """Return a server that is not ready yet, and has loaded none of the settings' models.

    Args:
        settings: How it is to be.
        models: What answers; by default an empty model set, to be filled.

    Raises:
        TrunklineError: The keys cannot be read.
    """
    if models is None:
        models = ModelSet(
            cores=settings.cores, optimise="throughput", max_pixels=settings.max_pixels
        )
    metrics = Metrics()
    plane = DataPlane(
        models, waiting=settings.waiting, deadline=settings.deadline, seen=metrics.served
    )
    metrics.watch(plane)
    return Server(
        settings,
        plane,
        KeyRing(settings.keys_file, origins=settings.cors_origins),
        Directory(models, settings),
        metrics,
        Repository(models, settings.models, settings),
    )
