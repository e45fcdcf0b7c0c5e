# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import builders
from engine.families import Exports
from trunkline.engine.measuring import (
    Setting,
    Timing,
    largest_difference,
    measure,
    measure_memory,
    measure_steps,
)
from trunkline.engine.modelset import ModelSet
from trunkline.errors import PictureError
from trunkline.predictions import Box, Classification, Detection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from trunkline.predictions import Prediction

EXPORTS = Exports(((1, 2), (1, 2), (1, 3), (4, 5)))
TOGETHER, APART = Setting("together"), Setting("apart", shared=False)
FRAME = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


class Sleeper:
    """Answers after a while, and remembers when, for which frame and in which thread."""

    def __init__(self, seconds: float, log: list[tuple[str, int, int]], name: str = "") -> None:
        self._seconds, self._log, self._name = seconds, log, name

    def __call__(self, frame: NDArray[np.uint8]) -> Mapping[str, Prediction]:
        self._log.append((self._name, int(frame.flat[0]), threading.get_ident()))
        time.sleep(self._seconds)
        return {}


def numbered(count: int) -> list[NDArray[np.uint8]]:
    return [np.full((2, 2, 3), number, np.uint8) for number in range(count)]


@pytest.mark.parametrize("optimise", ["latency", "throughput"])
def test_every_setting_gives_the_same_answers(optimise: Any) -> None:
    sides = [replace(side, optimise=optimise).load(EXPORTS) for side in (TOGETHER, APART)]
    together, apart = (predict(FRAME) for predict in sides)
    assert list(together) == list(apart) == [f"model {number}" for number in range(4)]
    assert largest_difference(together, apart) < 1e-6
    other = sides[0](255 - FRAME)
    assert largest_difference(together, other) > 1e-3


def test_sides_take_turns_in_both_orders_and_see_all_frames() -> None:
    log: list[tuple[str, int, int]] = []
    sides = {
        Setting("fast"): Sleeper(0.001, log, "fast"),
        Setting("slow"): Sleeper(0.02, log, "slow"),
    }
    timings = measure(sides, numbered(3), 0.4)
    turns = [name for i, (name, _, _) in enumerate(log) if i == 0 or log[i - 1][0] != name]
    assert turns[:3] == ["fast", "slow", "fast"]  # the slow one's second turn follows its first
    for name in ("fast", "slow"):
        assert [frame for each, frame, _ in log if each == name][:7] == [0, 1, 2, 0, 1, 2, 0][:7]
    fast, slow = timings.values()
    assert len(fast.latencies) == sum(name == "fast" for name, _, _ in log)
    assert fast.seconds == pytest.approx(slow.seconds, rel=0.5)
    assert fast.frames_per_second > 3 * slow.frames_per_second
    assert 0.02 <= slow.percentile(50) < 0.1


def test_every_side_answers_even_in_no_time() -> None:
    log: list[tuple[str, int, int]] = []
    timings = measure({TOGETHER: Sleeper(0.01, log)}, numbered(1), 1e-6)
    assert len(timings[TOGETHER].latencies) == len(log) == 2


def test_several_callers_call_at_once() -> None:
    log: list[tuple[str, int, int]] = []
    setting = Setting("many", threads=4)
    timing = measure({setting: Sleeper(0.02, log)}, numbered(2), 0.4)[setting]
    assert len({thread for _, _, thread in log}) >= 4
    assert {frame for _, frame, _ in log} == {0, 1}
    assert timing.frames_per_second > 2 / 0.02


def test_percentiles_and_sums() -> None:
    timing = Timing([0.1, 0.2], 0.3) + Timing([0.3], 0.3)
    assert timing.frames_per_second == pytest.approx(5)
    assert timing.percentile(50) == pytest.approx(0.2)
    assert timing.percentile(100) == pytest.approx(0.3)


def test_steps_are_timed_from_the_files_bytes(tmp_path: Path) -> None:
    models = ModelSet()
    models.add(*EXPORTS.read())
    small = builders.picture(tmp_path / "small.png", "red", (20, 20))
    large = builders.picture(tmp_path / "large.png", "red", (1500, 1500))
    measure_steps(models, [small], 0)  # Pillow looks for its plugins once
    steps = measure_steps(models, [small], 0.1)
    assert min(steps.decoding, steps.input_tensors, steps.networks) > 0
    assert measure_steps(models, [large], 0.1).decoding > 2 * steps.decoding
    with pytest.raises(PictureError, match=r"none\.png"):
        measure_steps(models, [large, tmp_path / "none.png"], 0)  # every picture at least once


def test_memory_is_that_of_another_process() -> None:
    setting = Setting("many", threads=3)
    memory = measure_memory(setting, EXPORTS, FRAME)
    assert memory
    assert 50e6 < memory < 600e6


@dataclass(frozen=True)
class Fatal:
    """What ends the process that loads it."""

    def load(self, optimise: Any) -> ModelSet:
        os._exit(9)

    def read(self) -> list[Any]:
        return []


def test_a_process_that_dies_has_no_memory() -> None:
    assert measure_memory(TOGETHER, Fatal(), FRAME) is None


def classified(*probabilities: float) -> Classification:
    return Classification("multilabel", ("a", "b"), np.array(probabilities, np.float32))


def detected(*boxes: tuple[str, float, float]) -> Detection:
    return Detection(("a", "b"), tuple(Box(n, p, left, 0.1, 0.2, 0.3) for n, p, left in boxes))


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (classified(0.5, 0.25), classified(0.5, 0.5), 0.25),
        (classified(0.5, 0.25), classified(0.5, 0.25), 0),
        (detected(("a", 0.5, 0.1)), detected(("a", 0.5, 0.1)), 0),
        (detected(("a", 0.5, 0.1)), detected(("a", 0.4, 0.3)), 0.2),
        (detected(("a", 0.5, 0.1)), detected(("b", 0.5, 0.1)), 1),
        (detected(("a", 0.5, 0.1)), detected(), 1),
        (detected(), detected(), 0),
        (classified(0.5, 0.5), detected(), 1),
    ],
)
def test_the_largest_difference(one: Prediction, other: Prediction, difference: float) -> None:
    assert largest_difference({"m": one}, {"m": other}) == pytest.approx(difference)
    same = classified(0.1, 0.1)
    several = largest_difference({"x": same, "m": one}, {"x": same, "m": other})
    assert several == pytest.approx(difference)


def test_models_that_one_side_lacks_are_a_difference() -> None:
    assert largest_difference({"m": classified(1, 0)}, {}) == 1
    assert largest_difference({}, {}) == 0
