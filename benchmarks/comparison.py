# SPDX-License-Identifier: Apache-2.0
"""The rounds of ``start_and_predict``: who runs against whom, and what is said of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from contenders import CONTENDERS
from report import Machine, Section, Table
from workers import TOLERANCE, Run, check_agreement, run_worker, time_statements

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["compare_all"]

NUMPY, PACKAGE, ENGINE = "import numpy", "import trunkline", "from trunkline import load"
IMPORT_REPETITIONS = 15
IMPORT_TARGET_S = 0.25
START_TARGET = 5.0
START_TARGET_MODELS = 3

PACKAGES = (
    "trunkline",
    "openvino",
    "numpy",
    "pillow",
    "tensorflow",
    "tensorflow-cpu",
    "ai-edge-litert",
    "onnxruntime",
)


@dataclass(frozen=True, slots=True)
class Group:
    """Contenders that run the same exports.

    Attributes:
        title: What the exports are.
        counts: How many of them are opened at once, one table row per count and contender.
        names: Keys of ``CONTENDERS``, Trunkline first.
    """

    title: str
    counts: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def ours(self) -> str:
        """Trunkline's key."""
        return self.names[0]


GROUPS = (
    Group("TensorFlow exports (.pb)", (1, 3, 10), ("trunkline-pb", "recipe", "recipe-once")),
    Group("TFLite exports", (1, 3), ("trunkline-tflite", "litert")),
    Group("ONNX exports (opset 7)", (1, 2), ("trunkline-onnx", "onnxruntime")),
)

Runs = Mapping[tuple[str, int], Sequence[Run]]


def compare_all(models: Path, repetitions: int, frames: int, *, quick: bool) -> Section:
    """Run every contender and say what was found.

    Args:
        models: The folder of exports.
        repetitions: How often each is run.
        frames: How many frames each times in a run.
        quick: Open one export at a time, and skip the uncounted first round.

    Raises:
        RuntimeError: A contender failed, or the sides' answers differ.
    """
    machine = Machine.here(PACKAGES)
    groups = [Group(g.title, g.counts[:1], g.names) for g in GROUPS] if quick else list(GROUPS)
    if not quick:
        # The first process to touch a library reads it from the disk; later ones find it in memory.
        for name in CONTENDERS:
            run_worker(name, 1, models, 1)
    runs, apart = _rounds(groups, models, repetitions, frames)
    imports = time_statements((NUMPY, PACKAGE, ENGINE), 1 if quick else IMPORT_REPETITIONS)
    tables = [part for group in groups for part in (f"### {group.title}", _table(group, runs))]
    return Section(
        name="start-and-predict",
        title="Start to first answers, and time per frame",
        machine=machine,
        parts=(
            _how_often(repetitions, frames),
            *tables,
            "### Import",
            _import_table(imports),
            "### Verdicts",
            "\n".join(f"* {line}" for line in _verdicts(runs, imports, apart)),
        ),
    )


def _rounds(
    groups: Sequence[Group], models: Path, repetitions: int, frames: int
) -> tuple[Runs, float]:
    """Return all runs, and the largest difference between two sides' probabilities."""
    runs: dict[tuple[str, int], list[Run]] = {}
    apart = 0.0
    for repetition in range(1, repetitions + 1):
        for group in groups:
            for count in group.counts:
                for name in group.names:
                    run = run_worker(name, count, models, frames)
                    _say(f"{repetition}/{repetitions} {name}, {count}: {run.start_s:.2f} s")
                    runs.setdefault((name, count), []).append(run)
                    ours = runs[group.ours, count][-1]
                    apart = max(apart, check_agreement(ours.answers, run.answers, name))
    return runs, apart


def _table(group: Group, runs: Runs) -> Table:
    return Table(
        (
            "models",
            "side",
            "start to first answers, s",
            "times Trunkline's",
            "per frame, ms",
            "times Trunkline's",
            "peak memory, MiB",
        ),
        [_row(group, runs, count, name) for count in group.counts for name in group.names],
    )


def _row(group: Group, runs: Runs, count: int, name: str) -> list[str]:
    these, ours = runs[name, count], runs[group.ours, count]
    return [
        str(count),
        CONTENDERS[name].title,
        _spread([run.start_s for run in these]),
        "1" if name == group.ours else _spread(_ratios(these, ours, lambda run: run.start_s)),
        _spread([run.frame_ms for run in these]),
        "1" if name == group.ours else _spread(_ratios(these, ours, lambda run: run.frame_ms)),
        _spread([run.peak_mib for run in these]),
    ]


def _ratios(
    these: Sequence[Run], ours: Sequence[Run], figure: Callable[[Run], float]
) -> list[float]:
    """Return one ratio per round: neighbours in time are compared, not a good and a bad minute."""
    return [figure(a) / figure(b) for a, b in zip(these, ours, strict=True)]


def _import_table(imports: Mapping[str, Sequence[float]]) -> Table:
    base = imports[NUMPY]
    return Table(
        ("statement", "fresh interpreter, s", f"minus {NUMPY}, s"),
        [
            (f"`{text}`", _spread(took), _spread(_more(took, base)))
            for text, took in imports.items()
        ],
    )


def _more(took: Sequence[float], base: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(took, base, strict=True)]


def _verdicts(runs: Runs, imports: Mapping[str, Sequence[float]], apart: float) -> Iterator[str]:
    key = "trunkline-pb", START_TARGET_MODELS
    if key in runs:
        for name in ("recipe", "recipe-once"):
            theirs = runs[name, START_TARGET_MODELS]
            ratios = _ratios(theirs, runs[key], lambda run: run.start_s)
            yield (
                f"{START_TARGET_MODELS} models, start to first answers, {CONTENDERS[name].title}: "
                f"{_spread(ratios)} times Trunkline's. To reach: at least {START_TARGET:g}. "
                f"{_reached(median(ratios) >= START_TARGET)}"
            )
    more = _more(imports[PACKAGE], imports[NUMPY])
    yield (
        f"`{PACKAGE}` minus `{NUMPY}`: {_spread(more)} s. To reach: under "
        f"{IMPORT_TARGET_S:g} s. {_reached(median(more) < IMPORT_TARGET_S)}"
    )
    yield (
        f"In every round all sides named the same winners, and no probability was more than "
        f"{apart:.1g} from Trunkline's (allowed: {TOLERANCE:g})."
    )


def _reached(is_reached: bool) -> str:  # noqa: FBT001 - one argument that the name explains
    return "Reached." if is_reached else "**Missed.**"


def _how_often(repetitions: int, frames: int) -> str:
    rounds = "1 round" if repetitions == 1 else f"{repetitions} rounds"
    return (
        f"{rounds}, {frames} frames in each process (fewer where they would take over ten "
        "seconds). Medians, and the smallest and largest in parentheses."
    )


def _spread(values: Sequence[float]) -> str:
    middle = _short(median(values))
    return f"{middle} ({_short(min(values))} to {_short(max(values))})" if values[1:] else middle


def _short(value: float) -> str:
    """Return three digits of a number that is not small, and thousandths of one that is."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.{2 if abs(value) >= 1 else 3}f}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
