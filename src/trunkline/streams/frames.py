# SPDX-License-Identifier: Apache-2.0
"""What goes through a stream: frames in, sights and events out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from trunkline.predictions import Prediction

__all__ = ["NO_PIXELS", "Event", "Exposure", "Frame", "Sight"]

NO_PIXELS: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)
"""In the place of a picture that is not there."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture at one moment.

    Attributes:
        stream: The name of the stream it comes from.
        number: Counted from 0 in the source; numbers of dropped frames are missing.
        at: When it came, seconds since 1970; for a file, when it would have come had the first
            come when the file was opened.
        pixels: uint8 array of shape (height, width, 3), RGB, upright.
    """

    stream: str
    number: int
    at: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """A frame whose picture may yet have to be decoded, for nothing if nobody takes it.

    Attributes:
        frame: The frame; of a live source without its pixels.
        develop: Returns it with them, called once and from any thread; None where that cannot be
            done, which its source has counted then.
    """

    frame: Frame
    develop: Callable[[], Frame | None]


@dataclass(frozen=True, slots=True)
class Event:
    """A label that has come or gone, after smoothing.

    Attributes:
        stream: The stream.
        model: The model that says so.
        label: The label.
        state: ``"begin"`` or ``"end"``.
        at: As the frame's.
        number: The frame's.
        probability: The label's greatest probability in this frame, 0 to 1; 0 where it is gone.
    """

    stream: str
    model: str
    label: str
    state: Literal["begin", "end"]
    at: float
    number: int
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A frame with what models say about it.

    Attributes:
        frame: The frame.
        answers: By model name; only of the models whose turn it was.
        events: What has come or gone with this frame.
        latency: Seconds from the frame's coming to these answers.
    """

    frame: Frame
    answers: Mapping[str, Prediction]
    events: tuple[Event, ...]
    latency: float
