# SPDX-License-Identifier: Apache-2.0
"""A view for the live page that makes everything up: moving pictures, models and events."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from trunkline.errors import ModelNameError, TrunklineError
from trunkline.images import read_picture
from trunkline.page.view import CameraView, EventView, ModelView, PictureView
from trunkline.predictions import Box, Classification, Detection

if TYPE_CHECKING:
    from trunkline.predictions import Prediction

TOOLS = ("hammer", "saw", "screwdriver", "pliers", "wrench")
TRUNK = "EfficientNet-B0 (a3f1)"


def png(width: int = 320, height: int = 240, shade: int = 90) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (shade, 120, 160)).save(file, "PNG")
    return file.getvalue()


def classification(labels: tuple[str, ...] = TOOLS, best: int = 0) -> Classification:
    values = np.full(len(labels), 0.2 / max(1, len(labels) - 1), np.float32)
    values[best] = 0.8
    return Classification("multiclass", labels, values)


def detection(left: float = 0.2, label: str = "person") -> Detection:
    box = Box(label, 0.93, left, 0.25, 0.3, 0.5)
    return Detection((label, "dog"), (box, Box("dog", 0.61, 0.65, 0.6, 0.2, 0.3)))


def scene() -> bytes:
    return _street(12, dusk=False)


def model(name: str, *, detects: bool = False, alone: bool = False) -> ModelView:
    return ModelView(
        name=name,
        task="detection" if detects else "multiclass",
        labels=("person", "dog") if detects else TOOLS,
        trunk="YOLOX (77c0)" if alone else TRUNK,
        sharing=1 if alone else 9,
        macs=1_300_000 if detects else 6_400,
        trunk_macs=1_230_000_000 if alone else 387_000_000,
        rate=14.9,
        latency=0.0312,
    )


class MadeUpView:
    """Ten models and two cameras, whose pictures move with time."""

    title = "Trunkline on workshop"
    may_manage = True

    def __init__(self, models: int = 10, cameras: tuple[str, ...] = ("bench", "rtsp://gate/1")):
        names = [f"tools-{number}" for number in range(models - 1)] if models else []
        self.held = {name: model(name) for name in names}
        if models:
            self.held["people"] = model("people", detects=True, alone=True)
        self.names = cameras
        self.happened: list[EventView] = []
        self.begun = time.monotonic()
        self.asked = 0

    def cameras(self) -> list[CameraView]:
        return [self._camera(name) for name in self.names]

    def models(self) -> list[ModelView]:
        return list(self.held.values())

    def events(self, after: int) -> list[EventView]:
        return [each for each in self.happened if each.serial > after]

    async def picture(self, camera: str) -> PictureView | None:
        if camera not in self.names:
            return None
        self.asked += 1
        version = self.version()
        jpeg = _street(version, dusk=camera != self.names[0])
        return PictureView(version, jpeg, 640, 360, self.answers(version))

    async def predict(self, data: bytes) -> dict[str, Prediction]:
        read_picture(data)
        return self.answers(0)

    async def add(self, name: str, data: bytes) -> str:
        if name in self.held:
            raise ModelNameError(f"There is a model {name} already; choose another name.")
        if not data.startswith(b"PK"):
            raise TrunklineError(f"{name} is not a zip.")
        self.held[name] = model(name)
        return f"{name} is loaded, and stays until the server ends."

    async def remove(self, name: str) -> str:
        if name not in self.held:
            raise ModelNameError(f"There is no model {name}.")
        del self.held[name]
        return f"{name} is gone."

    def happen(self, label: str, state: str = "begin") -> None:
        serial = len(self.happened)
        at = 1_790_000_000.0 + serial
        event = EventView(serial, at, self.names[0], "people", label, state, 0.9)
        self.happened.append(event)

    def version(self) -> int:
        return int((time.monotonic() - self.begun) * 10)

    def answers(self, version: int) -> dict[str, Prediction]:
        left = 0.1 + 0.4 * abs((version % 60) / 30 - 1)
        return {
            name: detection(left) if held.task == "detection" else classification(best=index % 5)
            for index, (name, held) in enumerate(self.held.items())
        }

    def _camera(self, name: str) -> CameraView:
        stalled = name != self.names[0]
        return CameraView(
            name=name,
            state="stalled" if stalled else "running",
            problem="No frame has come for 12 s; asking again." if stalled else "",
            fps=14.93,
            latency=0.0412,
            frames=1200,
            dropped={"a newer frame came": 17} if stalled else {},
            answers=self.answers(0),
            version=self.version(),
        )


def _street(version: int, *, dusk: bool) -> bytes:
    """Return a picture of a plain scene in which somebody walks to and fro."""
    sky, ground = ((48, 56, 92), (44, 46, 52)) if dusk else ((164, 199, 226), (122, 128, 120))
    image = Image.new("RGB", (640, 360), sky)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 220, 640, 360), ground)
    draw.rectangle((380, 80, 600, 240), (150, 110, 90))
    left = int(640 * (0.1 + 0.4 * abs((version % 60) / 30 - 1)))
    draw.ellipse((left + 70, 95, left + 125, 150), (224, 180, 150))
    draw.rounded_rectangle((left + 50, 150, left + 145, 262), 20, (190, 60, 50))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()
