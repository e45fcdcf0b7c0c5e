# SPDX-License-Identifier: Apache-2.0
"""Time and memory, as the benchmarks take them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Side", "alternate", "peak_memory", "repeat", "resident_memory"]

WARM_UP = 2  # calls


@dataclass(frozen=True, slots=True)
class Side:
    """One of several things that are timed beside each other.

    Attributes:
        title: What tables call it.
        call: What is timed.
        frames: How many frames one call answers; times are per frame.
        after: Done after each call, untimed.
    """

    title: str
    call: Callable[[], object]
    frames: int = 1
    after: Callable[[], object] = lambda: None


def repeat(call: Callable[[], object], least: int, most: int, seconds: float) -> list[float]:
    """Return the milliseconds of calls: at most so many, fewer where they take too long.

    Args:
        call: What is timed.
        least: How many calls there are at least.
        most: How many there are at most.
        seconds: How long all may take together, once there are enough.
    """
    took: list[float] = []
    while len(took) < least or (len(took) < most and sum(took) < seconds * 1000):
        started = time.perf_counter()
        call()
        took.append((time.perf_counter() - started) * 1000)
    return took


def alternate(sides: Sequence[Side], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Time sides by turns, so that a busy moment of the machine falls on all of them.

    Args:
        sides: What is timed; after a warm-up they are called one after another, over and over.
        rounds: How many figures there are per side.
        seconds: How long a round takes at least; each side is called once in it at least.

    Returns:
        By title, the median milliseconds per frame of each round.
    """
    for side in sides:
        for _ in range(WARM_UP):
            _time(side)
    figures: dict[str, list[float]] = {side.title: [] for side in sides}
    for _ in range(rounds):
        took: dict[str, list[float]] = {side.title: [] for side in sides}
        end = time.perf_counter() + seconds
        while True:
            for side in sides:
                took[side.title].append(_time(side))
            if time.perf_counter() >= end:
                break
        for title, milliseconds in took.items():
            figures[title].append(median(milliseconds))
    return figures


def _time(side: Side) -> float:
    started = time.perf_counter()
    side.call()
    took = time.perf_counter() - started
    side.after()
    return took * 1000 / side.frames


def peak_memory() -> float:
    """Return the most memory that this process ever had in use, in MiB (Linux's VmHWM)."""
    return _status("VmHWM")


def resident_memory() -> float:
    """Return the memory that this process has in use now, in MiB (Linux's VmRSS)."""
    return _status("VmRSS")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    (found,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(found) / 1024
