# SPDX-License-Identifier: Apache-2.0
"""A sink for those who look on: what each camera saw last, and what has come and gone."""

from __future__ import annotations

import io
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from trunkline.page.view import EventView, PictureView

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Sight

__all__ = ["Showing"]

_MOST_EVENTS = 500
_MOST_WIDTH, _MOST_HEIGHT = 960, 1920
_QUALITY = 80  # of 100: half the bytes of 90, and nobody sees it on moving pictures


@dataclass(slots=True)
class _Shown:
    """What a camera saw last, and its picture once somebody has asked for it.

    Attributes:
        version: Counted from 0.
        pixels: The frame's, not copied.
        answers: What models said about this frame.
        encoding: Held while the picture is encoded.
        picture: It, encoded.
    """

    version: int
    pixels: NDArray[np.uint8]
    answers: Mapping[str, Prediction]
    encoding: threading.Lock = field(default_factory=threading.Lock)
    picture: PictureView | None = None


class Showing:
    """Keeps the last frame of each camera and the last 500 events.

    To take a sight costs next to nothing: nothing is copied, and pictures are encoded when they
    are asked for, each once.

    Attributes:
        name: What it is called in messages.
        dropped: How many sights it could not take: none.
        problem: Why: nothing.
    """

    name = "page"
    dropped = 0
    problem = ""

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}
        self._events: deque[EventView] = deque(maxlen=_MOST_EVENTS)
        self._serial = 0
        self._counting = threading.Lock()

    def put(self, sight: Sight) -> None:
        """Take a sight; never waits."""
        frame = sight.frame
        before = self._shown.get(frame.stream)
        version = before.version + 1 if before else 0
        # Sights of one camera come one after another; only those of several come at once.
        self._shown[frame.stream] = _Shown(version, frame.pixels, sight.answers)
        if sight.events:
            self._take_events(sight)

    def _take_events(self, sight: Sight) -> None:
        with self._counting:
            for event in sight.events:
                self._events.append(
                    EventView(
                        serial=self._serial,
                        at=event.at,
                        camera=event.stream,
                        model=event.model,
                        label=event.label,
                        state=event.state,
                        probability=event.probability,
                    )
                )
                self._serial += 1

    def close(self, seconds: float) -> None:
        """Do nothing: what was seen last can be looked at after the end."""

    def version(self, camera: str) -> int:
        """Return what changes with each new picture of a camera; -1 before the first."""
        shown = self._shown.get(camera)
        return shown.version if shown else -1

    def events(self, after: int) -> list[EventView]:
        """Return the events kept with a serial greater than ``after``, oldest first."""
        with self._counting:
            kept = len(self._events)
            new = max(0, min(kept, self._serial - 1 - after))
            return [self._events[place] for place in range(kept - new, kept)]

    def picture(self, camera: str) -> PictureView | None:
        """Return a camera's last picture, encoded now unless it was before; takes milliseconds.

        None before the first, and where there is no such camera.
        """
        shown = self._shown.get(camera)
        if shown is None:
            return None
        with shown.encoding:
            if shown.picture is None:
                shown.picture = _encoded(shown)
            return shown.picture


def _encoded(shown: _Shown) -> PictureView:
    picture = Image.fromarray(shown.pixels)
    picture.thumbnail((_MOST_WIDTH, _MOST_HEIGHT), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return PictureView(
        shown.version, file.getvalue(), picture.width, picture.height, dict(shown.answers)
    )
