# SPDX-License-Identifier: Apache-2.0
"""The demonstration's other side: the same models, each by itself."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, cast

from trunkline.demo.pictures import to_jpeg
from trunkline.engine.loading import load
from trunkline.images import read_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trunkline.demo.pictures import Scene
    from trunkline.predictions import Classification

__all__ = ["rate_apart"]


def rate_apart(
    exports: Sequence[Path],
    scenes: Sequence[Scene],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return frames per second where each model is a set of its own, called one after another.

    The picture is decoded once for all of them, as anyone would.

    Args:
        exports: The models' folders.
        scenes: The film.
        seconds: How long to go on; at least one frame is answered.
        clock: Tells the time in seconds.
    """
    sets = [load(export) for export in exports]
    film = [to_jpeg(scene) for scene in scenes]
    begun = clock()
    for frames, jpeg in enumerate(itertools.cycle(film), start=1):
        picture = read_picture(jpeg)
        for models in sets:
            for answer in models.predict(picture).values():
                _ = cast("Classification", answer).label
        passed = clock() - begun
        if passed >= seconds:
            return frames / passed
    raise ValueError("there are no scenes")
