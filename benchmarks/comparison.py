# SPDX-License-Identifier: Apache-2.0
"""The rounds of ``start_and_predict``: who runs against whom, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contenders import CONTENDERS
from figures import Target, ratios, reached, spread
from options import say
from report import Machine, Section, Table
from workers import TOLERANCE, Run, check_agreement, run_worker, time_statements

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["compare_all"]

NUMPY, PACKAGE, ENGINE = "import numpy", "import trunkline", "from trunkline import load"
IMPORT_REPETITIONS = 15
IMPORT_TARGET = Target("at most", 0.25)  # seconds
START_TARGET = Target("at least", 5.0)
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
                    say(f"{repetition}/{repetitions} {name}, {count}: {run.start_s:.2f} s")
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
        spread(_starts(these)),
        "1" if name == group.ours else spread(ratios(_starts(these), _starts(ours))),
        spread(_frames(these)),
        "1" if name == group.ours else spread(ratios(_frames(these), _frames(ours))),
        spread([run.peak_mib for run in these]),
    ]


def _starts(runs: Sequence[Run]) -> list[float]:
    return [run.start_s for run in runs]


def _frames(runs: Sequence[Run]) -> list[float]:
    return [run.frame_ms for run in runs]


def _import_table(imports: Mapping[str, Sequence[float]]) -> Table:
    base = imports[NUMPY]
    return Table(
        ("statement", "fresh interpreter, s", f"minus {NUMPY}, s"),
        [(f"`{text}`", spread(took), spread(_more(took, base))) for text, took in imports.items()],
    )


def _more(took: Sequence[float], base: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(took, base, strict=True)]


def _verdicts(runs: Runs, imports: Mapping[str, Sequence[float]], apart: float) -> Iterator[str]:
    key = "trunkline-pb", START_TARGET_MODELS
    if key in runs:
        for name in ("recipe", "recipe-once"):
            theirs = runs[name, START_TARGET_MODELS]
            times = ratios(_starts(theirs), _starts(runs[key]))
            yield (
                f"{START_TARGET_MODELS} models, start to first answers, {CONTENDERS[name].title}: "
                f"{spread(times)} times Trunkline's. {_verdict(START_TARGET, times)}"
            )
    more = _more(imports[PACKAGE], imports[NUMPY])
    yield (f"`{PACKAGE}` minus `{NUMPY}`: {spread(more)} s. {_verdict(IMPORT_TARGET, more, ' s')}")
    yield (
        f"In every round all sides named the same winners, and no probability was more than "
        f"{apart:.1g} from Trunkline's (allowed: {TOLERANCE:g})."
    )


def _verdict(target: Target, figures: Sequence[float], unit: str = "") -> str:
    return f"To reach: {target}{unit}. {reached(target.is_met(figures))}"


def _how_often(repetitions: int, frames: int) -> str:
    rounds = "1 round" if repetitions == 1 else f"{repetitions} rounds"
    return (
        f"{rounds}, {frames} frames in each process (fewer where they would take over ten "
        "seconds). Medians, and the smallest and largest in parentheses."
    )
