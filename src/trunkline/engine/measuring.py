# SPDX-License-Identifier: Apache-2.0
"""How fast models answer, and in how much memory: with sharing, and without.

*Together* is one model set. *Apart* is what there would be without sharing: each model is a model
set of its own, and they are called one after another on the same decoded picture, so each makes its
own input tensor and runs its own trunk.
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING, Protocol

import numpy as np

from trunkline.engine.footprint import resident_bytes
from trunkline.engine.modelset import ModelSet
from trunkline.images import read_picture, to_tensor
from trunkline.predictions import Classification, Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from trunkline.engine.compiled import Optimise
    from trunkline.images.decode import PictureSource
    from trunkline.models import Model
    from trunkline.predictions import Prediction

    Frame = NDArray[np.uint8]
    Predict = Callable[[Frame], Mapping[str, Prediction]]

__all__ = [
    "Exports",
    "Setting",
    "Steps",
    "Timing",
    "largest_difference",
    "measure",
    "measure_memory",
    "measure_steps",
    "reading_all",
]


class Exports(Protocol):
    """Where models come from; it must be possible to pickle it, for memory is measured apart."""

    def load(self, optimise: Optimise) -> ModelSet:
        """Load all that can be loaded into one model set."""
        ...

    def read(self) -> Iterable[Model]:
        """Read the same models without loading them."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """How models are run.

    Attributes:
        name: What to call it.
        shared: Whether they are together in one model set, or apart.
        optimise: What each model set is optimised for.
        threads: How many threads call at once.
    """

    name: str
    shared: bool = True
    optimise: Optimise = "latency"
    threads: int = 1

    def load(self, exports: Exports) -> Predict:
        """Load models; what is returned reads every answer, as a caller would."""
        if self.shared:
            return reading_all(exports.load(self.optimise))
        sets = [_alone(model, self.optimise) for model in exports.read()]
        return lambda frame: {
            name: answer for models in sets for name, answer in models.predict(frame).items()
        }


@dataclass(frozen=True, slots=True)
class Timing:
    """How long frames took.

    Attributes:
        latencies: The seconds from the decoded picture to all answers, one for each frame.
        seconds: How long all of them took, which is less than their sum where threads call at once.
    """

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __add__(self, other: Timing) -> Timing:
        return Timing(self.latencies + other.latencies, self.seconds + other.seconds)

    @property
    def frames_per_second(self) -> float:
        """Frames answered in one second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return the seconds within which this share of the frames was answered."""
        return float(np.percentile(self.latencies, percent))


@dataclass(frozen=True, slots=True)
class Steps:
    """Where the time of a frame goes, in seconds; medians.

    Attributes:
        decoding: From a file's bytes to an upright RGB picture.
        input_tensors: From the picture to the tensors of all input contracts.
        networks: From those to all answers, read.
    """

    decoding: float
    input_tensors: float
    networks: float


def measure(
    sides: Mapping[Setting, Predict], frames: Sequence[Frame], seconds: float
) -> dict[Setting, Timing]:
    """Time several sides on the same frames.

    They take turns of about a second, in an order that is turned round each time, so that a busy
    minute of the machine falls on all of them. Each gets the same time, and answers at least one
    frame in each of its turns.

    Args:
        sides: What to time; each has answered a frame before.
        frames: Decoded pictures, uint8 of shape (height, width, 3), RGB.
        seconds: How long to go on, for all sides together.
    """
    rounds = max(2, round(seconds / len(sides)))
    timings = dict.fromkeys(sides, Timing())
    for number in range(rounds):
        for setting in list(sides)[:: 1 if number % 2 == 0 else -1]:
            done = len(timings[setting].latencies) % len(frames)
            ahead = [*frames[done:], *frames[:done]]
            turn = seconds / rounds / len(sides)
            timings[setting] += _turn(sides[setting], setting.threads, ahead, turn)
    return timings


def measure_steps(
    models: ModelSet, pictures: Sequence[PictureSource], seconds: float = 1.0
) -> Steps:
    """Time the steps that a frame goes through in one model set.

    Args:
        models: What answers.
        pictures: Files' bytes or paths.
        seconds: How long to go on; every picture is taken at least once.
    """
    plan = models.plan
    found: list[NDArray[np.float64]] = []
    endless, end = cycle(pictures), time.perf_counter() + seconds
    while len(found) < len(pictures) or time.perf_counter() < end:
        marks = [time.perf_counter()]
        frame = read_picture(next(endless))
        marks.append(time.perf_counter())
        tensors = {tensor: to_tensor(frame, contract) for tensor, contract in plan.inputs.items()}
        marks.append(time.perf_counter())
        dict(plan.answer(tensors))
        marks.append(time.perf_counter())
        found.append(np.diff(marks))
    return Steps(*np.median(found, axis=0).tolist())


def measure_memory(setting: Setting, exports: Exports, frame: Frame) -> int | None:
    """Return the resident memory of a process of its own that has loaded models and answered.

    Args:
        setting: How it runs them.
        exports: What it loads.
        frame: What it answers, once for each thread and at the same time.

    Returns:
        Bytes; None where the system does not say, or ended the process.
    """
    context = multiprocessing.get_context("spawn")  # a fork would begin with this one's memory
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(_memory_here, setting, exports, frame).result()
        except BrokenProcessPool:
            return None


def reading_all(models: ModelSet) -> Predict:
    """Return what answers for a frame and reads every answer, of which some are made when read."""
    return lambda frame: dict(models.predict(frame))


def largest_difference(one: Mapping[str, Prediction], other: Mapping[str, Prediction]) -> float:
    """Return the largest difference of any number in two sides' answers, 0 to 1.

    Models that only one side has, and detectors that found other numbers of boxes or other labels,
    are as different as can be: 1.
    """
    if one.keys() != other.keys():
        return 1.0
    return max((_difference(one[name], other[name]) for name in one), default=0.0)


def _difference(one: Prediction, other: Prediction) -> float:
    match one, other:
        case Classification(), Classification():
            return float(np.abs(one.probabilities - other.probabilities).max())
        case Detection(), Detection():
            if [box.label for box in one.boxes] == [box.label for box in other.boxes]:
                return float(np.abs(_numbers(one) - _numbers(other)).max(initial=0))
    return 1.0


def _numbers(found: Detection) -> NDArray[np.float64]:
    return np.array([(b.probability, b.left, b.top, b.width, b.height) for b in found.boxes])


def _alone(model: Model, optimise: Optimise) -> ModelSet:
    models = ModelSet(optimise=optimise)
    models.add(model)
    return models


def _turn(predict: Predict, threads: int, frames: Sequence[Frame], seconds: float) -> Timing:
    begin = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        starts = [number % len(frames) for number in range(threads)]
        calls = [pool.submit(_call, predict, frames, start, begin + seconds) for start in starts]
        latencies = [latency for call in calls for latency in call.result()]
    return Timing(latencies, time.perf_counter() - begin)


def _call(predict: Predict, frames: Sequence[Frame], start: int, end: float) -> list[float]:
    """Answer frames until a moment, and at least one."""
    latencies: list[float] = []
    endless = islice(cycle(frames), start, None)
    now = time.perf_counter()
    while not latencies or now < end:
        predict(next(endless))
        before, now = now, time.perf_counter()
        latencies.append(now - before)
    return latencies


def _memory_here(setting: Setting, exports: Exports, frame: Frame) -> int | None:
    predict = setting.load(exports)
    with ThreadPoolExecutor(setting.threads) as pool:
        list(pool.map(predict, [frame] * setting.threads * 2))
    gc.collect()
    return resident_bytes()
