# SPDX-License-Identifier: Apache-2.0
"""Memory of many models, and of models that come and go, each in a process of its own."""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING, Any

import trunkline
from figures import Finding, Target, ratios, spread
from lab import SAME_TRUNK, Measured, frame_of, read_all
from options import picture_beside, say
from timing import peak_memory, resident_memory
from workers import start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lab import Lab

__all__ = ["WORKERS", "coming_and_going", "many_against_one"]

CROWD_TARGET = Target("at most", 1.1)
CROWD_ROUNDS, CROWD_FRAMES = 3, 20

# Pages come and go with the allocator's mood; a model of which only the head stayed behind would
# add 10 MiB in 1,000 times, one that stayed whole nearly 3 GiB.
GROWTH_TARGET = Target("at most", 1.0)
TIMES, QUICK_TIMES = 1000, 20
SETTLED = 20  # after one in so many loads, memory should have settled
THERE, GUEST = SAME_TRUNK[0], SAME_TRUNK[1]


def many_against_one(lab: Lab) -> Measured:
    """Hold a process with the whole crowd against one with the first model of it."""
    paths = {"one": min(lab.crowd.iterdir()), "many": lab.crowd}
    runs: dict[str, list[Mapping[str, float]]] = {who: [] for who in paths}
    for _ in range(min(lab.rounds, CROWD_ROUNDS)):
        for who, path in paths.items():
            runs[who].append(_run("hold", str(path), lab))

    def finding(what: str, key: str) -> Finding:
        one, many = ([run[key] for run in runs[who]] for who in paths)
        return Finding(
            f"{lab.crowd_size:,} models on one trunk, {what}",
            spread(many, "MiB"),
            f"1 model: {spread(one, 'MiB')}",
            ratios(many, one),
            CROWD_TARGET,
        )

    return Measured([finding("memory in use", "now"), finding("peak memory", "peak")])


def coming_and_going(lab: Lab) -> Measured:
    """Load and unload a model many times, on a loaded trunk and alone."""
    times = QUICK_TIMES if lab.quick else TIMES
    return Measured([_growth(lab, where, times) for where in CHURNS])


def _growth(lab: Lab, where: str, times: int) -> Finding:
    held: Sequence[float] = _run(where, str(times), lab)
    window = times // SETTLED
    before, after = held[window : 2 * window], held[-window:]
    return Finding(
        f"a model loaded and unloaded {times:,} times, {CHURNS[where]}, growth of memory",
        f"last {window}: {spread(after, 'MiB')}",
        f"number {window + 1} to {2 * window}: {spread(before, 'MiB')}",
        [median(after) - median(before)],
        GROWTH_TARGET,
        "MiB",
    )


def _run(worker: str, what: str, lab: Lab) -> Any:  # noqa: ANN401 - whatever the worker says
    say(f"  {worker} {what}")
    arguments = ["--worker", worker, what, "--models-dir", str(lab.models)]
    _, first, _ = start("many_models.py", arguments, f"{worker} {what}")
    return json.loads(first)


def _hold(models: Path, path: str) -> Mapping[str, float]:
    """Load what is at a path, answer some frames, and say what that took."""
    loaded = trunkline.load(path)
    frame = frame_of(picture_beside(models))
    for _ in range(CROWD_FRAMES):
        read_all(loaded.predict(frame))
    return {"now": resident_memory(), "peak": peak_memory()}


def _on_a_trunk(models: Path, times: str) -> Sequence[float]:
    return _come_and_go(models, trunkline.load(models / THERE), int(times))


def _alone(models: Path, times: str) -> Sequence[float]:
    return _come_and_go(models, trunkline.load(), int(times))


def _come_and_go(models: Path, loaded: trunkline.ModelSet, times: int) -> Sequence[float]:
    """Return the memory in use after each time that a model came, answered and went."""
    frame = frame_of(picture_beside(models))
    held = []
    for _ in range(times):
        loaded.add(models / GUEST)
        read_all(loaded.predict(frame))
        loaded.remove(GUEST)
        held.append(resident_memory())
    return held


CHURNS = {"come-and-go": "on a loaded trunk", "come-and-go-alone": "in an empty set"}

WORKERS: Mapping[str, Callable[[Path, str], object]] = {
    "hold": _hold,
    "come-and-go": _on_a_trunk,
    "come-and-go-alone": _alone,
}
"""What a process of its own does, given the folder of exports and what else it must know; its
answer is written as one line of JSON."""
