# SPDX-License-Identifier: Apache-2.0
"""What the few-shot benchmark found: kept in a file, and told in tables."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from few_shot_rivals import Side
    from report import Table

__all__ = [
    "Gap",
    "Result",
    "accuracy_table",
    "ahead_table",
    "balanced_accuracy",
    "gap_table",
    "keep",
    "kept",
]


@dataclass(frozen=True, slots=True)
class Result:
    """One side on one split of one set.

    Attributes:
        side: Its name.
        name: The set's.
        shots: Pictures per tag.
        split: The number of the split.
        accuracy: Balanced accuracy in percent.
        seconds: What training took, features being there, and answering the test.
    """

    side: str
    name: str
    shots: int
    split: int
    accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Gap:
    """How far one side is ahead of another on the splits that both ran.

    Attributes:
        mean: In points.
        error: The standard error of the mean; None where they ran one split.
    """

    mean: float
    error: float | None

    def __str__(self) -> str:
        return f"{self.mean:+.1f}" + ("" if self.error is None else f" ± {self.error:.1f}")


def balanced_accuracy(answers: NDArray[np.intp], truth: NDArray[np.intp]) -> float:
    """Return the mean over tags of the share of a tag's pictures that were told, in percent."""
    return float(100 * np.mean([(answers[truth == tag] == tag).mean() for tag in np.unique(truth)]))


def kept(path: Path) -> list[Result]:
    """Read results; of two of the same side and split the later counts."""
    if not path.is_file():
        return []
    lines = path.read_text("utf-8").splitlines()
    found = [Result(**json.loads(line)) for line in lines]
    return list({(r.side, r.name, r.shots, r.split): r for r in found}.values())


def keep(path: Path, result: Result) -> None:
    """Add a result at once: a costly side may be stopped half-way."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def accuracy_table(results: Sequence[Result], sides: dict[str, Side]) -> Table:
    """Mean and standard deviation over splits for each set, number of shots and side."""
    from report import Table

    found = {r.side for r in results}
    names = [name for name in sides if name in found]
    rows = []
    for name, shots in _tasks(results):
        cells = [_cell(_of(results, side, name, shots)) for side in names]
        rows.append((name, str(shots), *cells))
    return Table(("set", "pictures per tag", *(sides[name].title for name in names)), rows)


def gap_table(results: Sequence[Result], sides: dict[str, Side], ours: str) -> Table:
    """How far we are ahead of each side on each task, with standard errors."""
    from report import Table

    found = {r.side for r in results}
    names = [name for name in sides if name in found and name != ours]
    rows = [
        (task[0], str(task[1]), *(_told(_gap(results, side, ours, task)) for side in names))
        for task in _tasks(results)
    ]
    return Table(("set", "pictures per tag", *(sides[name].title for name in names)), rows)


def ahead_table(results: Sequence[Result], sides: dict[str, Side], ours: str) -> Table:
    """How far we are ahead of each side over all, on the splits that both ran."""
    from report import Table

    rows = []
    for side, described in sides.items():
        gaps = {
            task: gap
            for task in _tasks(results)
            if side != ours and (gap := _gap(results, side, ours, task)) is not None
        }
        if not gaps:
            continue
        by_set: dict[str, list[float]] = {}
        for (name, _), gap in gaps.items():
            by_set.setdefault(name, []).append(gap.mean)
        mean = np.mean([np.mean(values) for values in by_set.values()])
        few = {task: gap for task, gap in gaps.items() if task[1] <= 10} or gaps
        (name, shots), worst = min(few.items(), key=lambda item: item[1].mean)
        rows.append(
            (
                described.title,
                f"{mean:+.1f}",
                f"{worst} ({name}, {shots})",
                f"{_slower(results, side, ours):.1f}",
                str(sum(r.side == side for r in results)),
            )
        )
    header = (
        "side", "Trunkline ahead by, mean over sets", "at the least, at 5 and 10",
        "its training time / ours", "splits run",
    )  # fmt: skip
    return Table(header, rows)


def _tasks(results: Iterable[Result]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((r.name, r.shots) for r in results))


def _of(results: Iterable[Result], side: str, name: str, shots: int) -> dict[int, Result]:
    wanted = (side, name, shots)
    return {r.split: r for r in results if (r.side, r.name, r.shots) == wanted}


def _cell(found: dict[int, Result]) -> str:
    if not found:
        return "not run"
    values = [r.accuracy for r in found.values()]
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread} ({len(values)})"


def _told(gap: Gap | None) -> str:
    return "not run" if gap is None else str(gap)


def _gap(results: Sequence[Result], side: str, ours: str, task: tuple[str, int]) -> Gap | None:
    theirs, mine = (_of(results, each, *task) for each in (side, ours))
    both = theirs.keys() & mine.keys()
    if not both:
        return None
    leads = [mine[split].accuracy - theirs[split].accuracy for split in both]
    error = float(np.std(leads, ddof=1) / np.sqrt(len(leads))) if len(leads) > 1 else None
    return Gap(float(np.mean(leads)), error)


def _slower(results: Sequence[Result], side: str, ours: str) -> float:
    """Return the median over tasks of their median time divided by ours."""
    ratios = []
    for task in _tasks(results):
        theirs, mine = (_of(results, each, *task) for each in (side, ours))
        if theirs and mine:
            times = [np.median([r.seconds for r in found.values()]) for found in (theirs, mine)]
            ratios.append(times[0] / times[1])
    return float(np.median(ratios))
