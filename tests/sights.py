# SPDX-License-Identifier: Apache-2.0
"""Sights and events to put into sinks, and waiting for what a thread does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.predictions import Box, Classification, Detection
from trunkline.streams.frames import Event, Frame, Sight

if TYPE_CHECKING:
    from collections.abc import Callable

AT = 1_763_860_368.25  # 2025-11-23T01:12:48.250Z


def event(label: str = "cat", **values: Any) -> Event:
    given: dict[str, Any] = {
        "stream": "yard",
        "model": "pets",
        "state": "begin",
        "at": AT,
        "number": 7,
        "probability": 0.75,
    }
    return Event(label=label, **(given | values))


def classified(label: str = "cat", probability: float = 0.75) -> Classification:
    values = np.array([probability, min(probability, 1 - probability)], np.float32)
    return Classification("multiclass", (label, "nothing"), values)


def detected(*boxes: Box) -> Detection:
    return Detection(("cat", "dog"), boxes or (Box("dog", 0.9, 0.5, 0.5, 0.25, 0.4),))


def sight(
    number: int = 0,
    *events: Event,
    stream: str = "yard",
    size: tuple[int, int] = (48, 64),
    at: float | None = None,
    **answers: Any,
) -> Sight:
    pixels = np.full((*size, 3), 128, np.uint8)
    frame = Frame(stream, number, AT + number / 10 if at is None else at, pixels)
    return Sight(frame, answers or {"pets": classified()}, events, 0.0125)


def ended(sink: Any) -> bool:
    """Whether none of a sink's threads is there any more, once they had time to go."""
    for thread in sink._threads:
        thread.join(60)
    return not any(thread.is_alive() for thread in sink._threads)


def eventually(happened: Callable[[], object], seconds: float = 60) -> None:
    """Wait for a thread to do something; the limit is only there to end a test that fails."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)
