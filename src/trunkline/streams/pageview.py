# SPDX-License-Identifier: Apache-2.0
"""What the live page shows of a watcher, and what can be done there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from trunkline.errors import ModelNameError
from trunkline.exports.arrived import arrived_file, name_problem, read_arrived
from trunkline.page.modelviews import ModelViews
from trunkline.page.view import CameraView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.engine.modelset import ModelSet
    from trunkline.page.view import EventView, ModelView, PictureView
    from trunkline.predictions import Prediction
    from trunkline.streams.figures import CameraFigures
    from trunkline.streams.showing import Showing
    from trunkline.streams.watching import Watcher

__all__ = ["WatchedCameras", "WatcherView"]


class WatchedCameras:
    """A watcher's cameras, as ``trunkline.page.view.Cameras`` has them.

    Args:
        watcher: Who watches.
        showing: One of its sinks.
    """

    def __init__(self, watcher: Watcher, showing: Showing) -> None:
        self._watcher = watcher
        self._showing = showing

    def cameras(self) -> Sequence[CameraView]:
        """Return all cameras."""
        return [self._camera(each) for each in self._watcher.figures().cameras]

    def _camera(self, found: CameraFigures) -> CameraView:
        problems = (f"{each.model}: {each.problem}" for each in found.models if each.problem)
        return CameraView(
            name=found.name,
            state=found.state,
            problem=found.problem or next(problems, ""),
            fps=found.fps,
            latency=found.latency.p50,
            frames=found.frames,
            dropped=found.dropped,
            answers={each.model: each.answer for each in found.models if each.answer is not None},
            version=self._showing.version(found.name),
        )

    def rates(self) -> Mapping[str, float]:
        """Return how many answers per second the cameras get of each model."""
        rates: defaultdict[str, float] = defaultdict(float)
        for camera in self._watcher.figures().cameras:
            for each in camera.models:
                rates[each.model] += each.rate
        return rates

    def latencies(self) -> Mapping[str, float]:
        """Return, by model, the seconds to an answer that are usual with its cameras."""
        found: defaultdict[str, list[float]] = defaultdict(list)
        for camera in self._watcher.figures().cameras:
            for each in camera.models:
                if each.answers:
                    found[each.model].append(camera.latency.p50)
        return {model: median(seconds) for model, seconds in found.items()}

    def events(self, after: int) -> Sequence[EventView]:
        """Return the events kept with a serial greater than ``after``, oldest first."""
        return self._showing.events(after)

    async def picture(self, camera: str) -> PictureView | None:
        """Return a camera's last picture; None before the first, and where there is no such."""
        return await asyncio.to_thread(self._showing.picture, camera)


class WatcherView(WatchedCameras):
    """A watcher and its models, as ``trunkline.page.view.View`` has them.

    Args:
        watcher: Who watches.
        models: With what.
        showing: One of the watcher's sinks.
        title: What the page is called.

    Attributes:
        title: What the page is called.
        may_manage: Whether models can be added and removed: always.
    """

    may_manage = True

    def __init__(self, watcher: Watcher, models: ModelSet, showing: Showing, title: str) -> None:
        super().__init__(watcher, showing)
        self.title = title
        self._models = models
        self._views = ModelViews(models)

    def models(self) -> Sequence[ModelView]:
        """Return all models."""
        return self._views.views(self.rates(), self.latencies())

    async def predict(self, data: bytes) -> Mapping[str, Prediction]:
        """Return what every model says about a picture's file.

        Raises:
            PictureError: It cannot be read.
        """
        return await asyncio.to_thread(self._models.predict, data)

    async def add(self, name: str, data: bytes) -> str:
        """Load a model from a zip or a model's file, and say what that means.

        Raises:
            ModelNameError: It cannot have this name.
            ExportError: It cannot be read or run.
        """
        if problem := name_problem(name):
            raise ModelNameError(problem)
        await asyncio.to_thread(self._load, name, data)
        return (
            f"{name} is loaded. Where a camera's settings name no models, it watches from the next "
            "frame on. It is gone when the watching ends."
        )

    def _load(self, name: str, data: bytes) -> None:
        with arrived_file(data) as arrived:
            model, _ = read_arrived(arrived, name)
            self._models.add(model)

    async def remove(self, name: str) -> str:
        """Unload a model, and say what that means.

        Raises:
            ModelNameError: There is none of that name.
        """
        await asyncio.to_thread(self._models.remove, name)
        return f"{name} is unloaded. Its files are where they were."
