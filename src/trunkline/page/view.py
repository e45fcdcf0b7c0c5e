# SPDX-License-Identifier: Apache-2.0
"""What the live page shows and asks for; a server or a watcher gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.predictions import Prediction, Task

__all__ = ["CameraView", "Cameras", "EventView", "ModelView", "PictureView", "View"]


@dataclass(frozen=True, slots=True)
class CameraView:
    """One camera, as it is now.

    Attributes:
        name: The stream's name.
        state: ``"waiting"``, ``"running"``, ``"stalled"``, ``"ended"`` or ``"failed"``.
        problem: A sentence, or nothing.
        fps: Frames per second that come out with answers.
        latency: Seconds from a frame's coming to its answers; half of them took at most this.
        frames: How many have come out with answers.
        dropped: Frames that were not looked at, by reason.
        answers: Each model's last answer.
        version: Changes whenever there is a new picture; -1 before the first.
    """

    name: str
    state: str
    problem: str
    fps: float
    latency: float
    frames: int
    dropped: Mapping[str, int]
    answers: Mapping[str, Prediction]
    version: int


@dataclass(frozen=True, slots=True)
class PictureView:
    """A camera's last picture.

    Attributes:
        version: As in its ``CameraView``.
        jpeg: The picture, encoded.
        width: In pixels.
        height: In pixels.
        answers: What models say about this very picture.
    """

    version: int
    jpeg: bytes
    width: int
    height: int
    answers: Mapping[str, Prediction]


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model, as it is now.

    Attributes:
        name: Its name.
        task: What it does.
        labels: All of them.
        trunk: What its trunk is called; models with the same one share it.
        sharing: How many models have that trunk, this one included.
        macs: Multiply-accumulate operations of its own, the trunk's not included.
        trunk_macs: The trunk's.
        rate: Answers per second, over the last seconds.
        latency: Seconds to an answer, as is usual lately; None where unknown.
    """

    name: str
    task: Task
    labels: tuple[str, ...]
    trunk: str
    sharing: int
    macs: int
    trunk_macs: int
    rate: float
    latency: float | None


@dataclass(frozen=True, slots=True)
class EventView:
    """A label that has come or gone on a camera.

    Attributes:
        serial: Counted from 0 over all events.
        at: Seconds since 1970.
        camera: Its name.
        model: The model that says so.
        label: The label.
        state: ``"begin"`` or ``"end"``.
        probability: 0 to 1; 0 where it is gone.
    """

    serial: int
    at: float
    camera: str
    model: str
    label: str
    state: Literal["begin", "end"]
    probability: float


class Cameras(Protocol):
    """The part of a view that is about cameras; every method may be called from the event loop."""

    def cameras(self) -> Sequence[CameraView]:
        """Return all cameras; quick."""
        ...

    def rates(self) -> Mapping[str, float]:
        """Return how many answers per second the cameras get of each model; quick."""
        ...

    def latencies(self) -> Mapping[str, float]:
        """Return the seconds to an answer that are usual of each model; quick."""
        ...

    def events(self, after: int) -> Sequence[EventView]:
        """Return the events kept with a serial greater than ``after``, oldest first; quick."""
        ...

    async def picture(self, camera: str) -> PictureView | None:
        """Return a camera's last picture; None before the first, and where there is no such."""
        ...


class View(Protocol):
    """What stands behind a live page; every method may be called from the event loop."""

    @property
    def title(self) -> str:
        """What the page is called, for example the machine's address."""
        ...

    @property
    def may_manage(self) -> bool:
        """Whether models can be added and removed at all."""
        ...

    def cameras(self) -> Sequence[CameraView]:
        """Return all cameras; quick."""
        ...

    def models(self) -> Sequence[ModelView]:
        """Return all models; quick."""
        ...

    def events(self, after: int) -> Sequence[EventView]:
        """Return the events kept with a serial greater than ``after``, oldest first; quick."""
        ...

    async def picture(self, camera: str) -> PictureView | None:
        """Return a camera's last picture; None before the first, and where there is no such."""
        ...

    async def predict(self, data: bytes) -> Mapping[str, Prediction]:
        """Return what every model says about a picture.

        Args:
            data: The picture's file.

        Raises:
            TrunklineError: It cannot be read, or the server is too busy; the message says which.
        """
        ...

    async def add(self, name: str, data: bytes) -> str:
        """Load a model.

        Args:
            name: What it is to be called.
            data: A zip, or a model's file.

        Returns:
            A sentence about what was done, for example whether the model outlives the server.

        Raises:
            TrunklineError: It cannot be loaded, or the name is taken.
        """
        ...

    async def remove(self, name: str) -> str:
        """Unload a model.

        Returns:
            A sentence about what was done.

        Raises:
            TrunklineError: There is none of that name, or it cannot be removed.
        """
        ...
