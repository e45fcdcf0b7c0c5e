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
    from collections.abc import Callable

    from trunkline.server.context import ServedCameras
    from trunkline.server.dataplane import Served
    from trunkline.server.settings import Settings
    from trunkline.server.tracing import Tracing

__all__ = ["assemble"]


def assemble(
    settings: Settings,
    models: ModelSet | None = None,
    cameras: Callable[[ModelSet], ServedCameras] | None = None,
) -> Server:
    """Return a server that is not ready yet, and has loaded none of the settings' models.

    Args:
        settings: How it is to be.
        models: What answers; by default an empty model set, to be filled.
        cameras: Makes the cameras that are watched with these models; None for none.

    Raises:
        TrunklineError: The keys cannot be read, what makes traces is not installed, or a camera
            cannot be meant.
    """
    if models is None:
        models = ModelSet(
            cores=settings.cores, optimise="throughput", max_pixels=settings.max_pixels
        )
    metrics = Metrics()
    tracing = _tracing(models) if settings.tracing else None
    plane = DataPlane(
        models,
        waiting=settings.waiting,
        deadline=settings.deadline,
        seen=_both(metrics.served, tracing.served) if tracing else metrics.served,
    )
    metrics.watch(plane)
    return Server(
        settings,
        plane,
        KeyRing(settings.keys_file, origins=settings.cors_origins),
        Directory(models, settings),
        metrics,
        Repository(models, settings.models, settings),
        tracing,
        cameras(models) if cameras else None,
    )


def _tracing(models: ModelSet) -> Tracing:
    from trunkline.server.tracing import Tracing

    return Tracing(models)


def _both(
    one: Callable[[Served], None], other: Callable[[Served], None]
) -> Callable[[Served], None]:
    def seen(served: Served) -> None:
        one(served)
        other(served)

    return seen
