# SPDX-License-Identifier: Apache-2.0
"""Real exports on one trunk against the usual TensorFlow recipe, each in processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contenders import CONTENDERS
from figures import Finding, Target, ratios, spread
from lab import Measured
from options import say
from workers import check_agreement, run_worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab import Lab
    from workers import Run

__all__ = ["against_recipe"]

SPEED_TARGETS = {3: Target("at least", 4), 10: Target("at least", 14)}
MEMORY_TARGET = Target("at most", 0.2)
OURS, THEIRS = "trunkline-pb", ("recipe", "recipe-once")
ROUNDS, FRAMES = 3, 50


def against_recipe(lab: Lab) -> Measured:
    """Compare frames per second and memory."""
    counts = (1,) if lab.quick else tuple(SPEED_TARGETS)
    names = (OURS, *(THEIRS[1:] if lab.quick else THEIRS))
    findings: list[Finding] = []
    for count in counts:
        runs: dict[str, list[Run]] = {name: [] for name in names}
        for _ in range(min(lab.rounds, ROUNDS)):
            for name, of in runs.items():
                say(f"  {name}, {count} models")
                of.append(run_worker(name, count, lab.models, 3 if lab.quick else FRAMES))
                check_agreement(runs[OURS][-1].answers, of[-1].answers, name)
        for name in names[1:]:
            findings += _findings(count, CONTENDERS[name].title, runs[OURS], runs[name])
    return Measured(findings)


def _findings(
    count: int, title: str, ours: Sequence[Run], theirs: Sequence[Run]
) -> Iterator[Finding]:
    models = f"{count} real exports" if count > 1 else "1 real export"
    speeds, others = ([1000 / run.frame_ms for run in runs] for runs in (ours, theirs))
    yield Finding(
        f"{models}, frames per second",
        f"{spread(speeds)}",
        f"{title}: {spread(others)}",
        ratios(speeds, others),
        SPEED_TARGETS.get(count),
    )
    peaks, other_peaks = ([run.peak_mib for run in runs] for runs in (ours, theirs))
    yield Finding(
        f"{models}, peak memory",
        spread(peaks, "MiB"),
        f"{title}: {spread(other_peaks, 'MiB')}",
        ratios(peaks, other_peaks),
        MEMORY_TARGET,
    )
