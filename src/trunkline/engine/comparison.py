# SPDX-License-Identifier: Apache-2.0
"""Models with sharing and without, side by side: what ``trunkline bench`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.engine.cores import available_cores
from trunkline.engine.measuring import (
    Setting,
    Steps,
    Timing,
    largest_difference,
    measure,
    measure_memory,
    measure_steps,
    reading_all,
)
from trunkline.images import read_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.engine.measuring import Exports
    from trunkline.engine.modelset import ModelSet
    from trunkline.images.decode import PictureSource

__all__ = ["Comparison", "Side", "compare"]

_TOGETHER = Setting("together")
_APART = Setting("apart", shared=False)


@dataclass(frozen=True, slots=True)
class Side:
    """What was measured of one way to run the models.

    Attributes:
        setting: The way.
        timing: How long frames took.
        memory_bytes: The resident memory of a process that runs them so; None if not known.
    """

    setting: Setting
    timing: Timing
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured of all ways.

    Attributes:
        together: All in one model set, one caller.
        apart: Each in a model set of its own, one after another, one caller.
        throughput: All in one model set that is optimised for throughput, several callers.
        largest_difference: Of any number in their answers, over all pictures.
        steps: Where the time of a frame goes, together.
    """

    together: Side
    apart: Side
    throughput: Side
    largest_difference: float
    steps: Steps


def compare(
    models: ModelSet, exports: Exports, pictures: Sequence[PictureSource], seconds: float
) -> Comparison:
    """Time models together and apart, in turns, and measure the memory of each.

    Args:
        models: All of them, loaded together.
        exports: Where they come from.
        pictures: What they answer for; decoded beforehand, and held all at once.
        seconds: How long to time, for all sides together; loading comes on top.

    Raises:
        PictureError: A picture cannot be read.
    """
    frames = [read_picture(picture) for picture in pictures]
    # One caller more than can be served at once prepares its picture in the meantime.
    throughput = Setting("throughput", optimise="throughput", threads=available_cores() + 1)
    sides = {_TOGETHER: reading_all(models)}
    sides |= {setting: setting.load(exports) for setting in (_APART, throughput)}
    answers = [[predict(frame) for frame in frames] for predict in sides.values()]
    difference = max(
        largest_difference(one, other)
        for side in answers[1:]
        for one, other in zip(answers[0], side, strict=True)
    )
    steps = measure_steps(models, pictures)
    timings = measure(sides, frames, seconds)
    largest = max(frames, key=lambda frame: frame.size)
    together, apart, most = (
        Side(setting, timings[setting], measure_memory(setting, exports, largest))
        for setting in sides
    )
    return Comparison(together, apart, most, difference, steps)
