# SPDX-License-Identifier: Apache-2.0
"""From what cameras sent and sides saw to the page's tables and verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from figures import Finding, Target, findings_table, ratios, spread
from report import Table
from streams_sides import OURS, SIDES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams_cameras import Sent
    from streams_record import Record

__all__ = ["Bare", "Cell", "Load", "Results"]

_BARE_TARGET = Target("at least", 0.9)
_NO_DROP = Target("at most", 0)
_FASTER = Target("more than", 1)
_TOLD_CAMERAS, _TOLD_MODELS = 4, 10  # whose dropped frames are judged
_NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, order=True)
class Load:
    """What is watched.

    Attributes:
        models: How many look at every frame.
        cameras: How many send frames.
        rate: Frames per second of each.
    """

    models: int
    cameras: int
    rate: int

    def __str__(self) -> str:
        cameras = "1 camera" if self.cameras == 1 else f"{self.cameras} cameras"
        return f"{cameras} at {self.rate}/s, {_models(self.models)}"


@dataclass(frozen=True, slots=True)
class Bare:
    """What OpenVINO's own queue does with the trunk alone, in frames per second.

    Attributes:
        ready: Of tensors that are ready.
        decoded: Of JPEG files, each decoded and made ready first.
    """

    ready: float
    decoded: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What a side did under a load.

    Attributes:
        offered: Frames sent per second, all cameras together.
        rate: Frames answered per second.
        p50: Half were answered within so many milliseconds from being sent.
        p99: 99 of 100 were.
        lost: How many of the frames that were sent were never answered.
        sent: How many were sent.
        answered: How many answers the other figures are of.
        reasons: What the side says of those dropped, by reason.
        cores: How many cores it kept busy.
        cameras_busy: The share of a core that the cameras used.
    """

    offered: float
    rate: float
    p50: float
    p99: float
    lost: int
    sent: int
    answered: int
    reasons: Mapping[str, int]
    cores: float
    cameras_busy: float

    @classmethod
    def of(cls, sent: Sent, record: Record) -> Cell:
        """Work it out.

        Raises:
            RuntimeError: A frame was answered that was never sent, or nothing was answered.
        """
        seconds = record.ended - record.begun
        answered = _matched(sent, record)
        of_window = [at for _, _, at in sent.frames if record.begun <= at < record.ended]
        kept = [at for at, _ in answered if record.begun <= at < record.ended]
        took = [done - at for at, done in answered if record.begun <= done < record.ended]
        if not took:
            raise RuntimeError("no frame was answered")
        p50, p99 = np.percentile(took, [50, 99], method="higher") * 1000
        return cls(
            offered=len(of_window) / seconds,
            rate=len(took) / seconds,
            p50=float(p50),
            p99=float(p99),
            lost=len(of_window) - len(set(kept)),
            sent=len(of_window),
            answered=len(took),
            reasons=record.dropped,
            cores=record.cpu / seconds,
            cameras_busy=sent.busy,
        )


def _matched(sent: Sent, record: Record) -> list[tuple[float, float]]:
    """Return when each answered frame was sent, and when it was answered.

    Numbers come again; a frame is the newest with its number.
    """
    times: dict[tuple[int, int], list[float]] = defaultdict(list)
    for camera, number, at in sent.frames:
        times[camera, number].append(at)
    matched = []
    for camera, number, done in record.frames:
        before = [at for at in times[camera, number] if at <= done]
        if not before:
            raise RuntimeError(f"camera {camera} has sent no frame {number} that was answered")
        matched.append((before[-1], done))
    return matched


@dataclass(frozen=True, slots=True)
class Results:
    """What all rounds found.

    Attributes:
        cells: By load and side, one per round.
        bare: By number of models, one per round.
        most: The rate at which cameras send more than can be answered.
    """

    cells: Mapping[Load, Mapping[str, Sequence[Cell]]]
    bare: Mapping[int, Sequence[Bare]]
    most: int

    def findings(self) -> Table:
        """Hold Trunkline against what it is to reach, and against the others."""
        found: list[Finding] = []
        for load in self.cells:
            is_told = (load.cameras, load.models) == (_TOLD_CAMERAS, _TOLD_MODELS)
            if is_told and load.rate < self.most:
                found.append(self._dropped(load))
        found += [self._against_bare(load) for load in self.cells]
        found += [self._against_decoding(load) for load in self.cells if load.rate == self.most]
        for load, sides in self.cells.items():
            if load.cameras == _TOLD_CAMERAS and len(sides) > 1:
                found += self._against_others(load)
        return findings_table(found)

    def _dropped(self, load: Load) -> Finding:
        cells = self.cells[load][OURS]
        lost = [cell.lost for cell in cells]
        sent = f"sent: {spread([cell.sent for cell in cells])}"
        return Finding(f"{load}: dropped", spread(lost), sent, lost, _NO_DROP, "frames")

    def _against_bare(self, load: Load) -> Finding:
        rates, offered = self._rates(load)
        bare = [each.ready for each in self.bare[load.models]]
        return Finding(
            f"{load}: frames per second",
            spread(rates),
            f"the less of what is sent, {spread(offered)}, and the trunk alone, {spread(bare)}",
            ratios(rates, list(map(min, offered, bare))),
            _BARE_TARGET,
        )

    def _against_decoding(self, load: Load) -> Finding:
        rates, _ = self._rates(load)
        by_hand = [each.decoded for each in self.bare[load.models]]
        against = f"the trunk alone, frames decoded and made ready: {spread(by_hand)}"
        return Finding(f"{load}: frames per second", spread(rates), against, ratios(rates, by_hand))

    def _against_others(self, load: Load) -> Iterator[Finding]:
        rates, _ = self._rates(load)
        others = {name: of for name, of in self.cells[load].items() if name != OURS}
        best = max(others, key=lambda name: median(cell.rate for cell in others[name]))
        theirs = [cell.rate for cell in others[best]]
        told = f"{SIDES[best].title}: {spread(theirs)}"
        yield Finding(
            f"{load}: frames per second", spread(rates), told, ratios(rates, theirs), _FASTER
        )
        best = min(others, key=lambda name: median(cell.p99 for cell in others[name]))
        ours, theirs = ([cell.p99 for cell in self.cells[load][side]] for side in (OURS, best))
        told = f"{SIDES[best].title}: {spread(theirs, 'ms')}"
        times = ratios(theirs, ours)
        yield Finding(f"{load}: p99, how many times less", spread(ours, "ms"), told, times, _FASTER)

    def _rates(self, load: Load) -> tuple[list[float], list[float]]:
        cells = self.cells[load][OURS]
        return [cell.rate for cell in cells], [cell.offered for cell in cells]

    def tables(self) -> list[str | Table]:
        """Return a table for each number of models."""
        parts: list[str | Table] = []
        for models in dict.fromkeys(load.models for load in self.cells):
            parts += [f"### {_models(models)}", self._table(models)]
        return parts

    def _table(self, models: int) -> Table:
        header = (
            "cameras",
            "side",
            "frames per second",
            "p50, ms",
            "p99, ms",
            "dropped, %",
            "why, as the side counts",
            "cores",
        )
        sides = dict.fromkeys(side for of in self.cells.values() for side in of)
        rows = [
            (_cameras(load), SIDES[side].title, *_figures(of.get(side, ())))
            for load, of in self.cells.items()
            if load.models == models
            for side in (sides if load.rate < self.most else of)
        ]
        return Table(header, rows)

    def cameras_busy(self) -> float:
        """Return the largest share of a core that the cameras used."""
        return max(cell.cameras_busy for cell in self._all())

    def least_frames(self) -> int:
        """Return how many answers the smallest set of percentiles is of."""
        return min(cell.answered for cell in self._all())

    def _all(self) -> Iterator[Cell]:
        return (cell for sides in self.cells.values() for of in sides.values() for cell in of)


def _figures(cells: Sequence[Cell]) -> tuple[str, ...]:
    if not cells:
        return (_NOT_MEASURED, *[""] * 5)
    reasons = sum((Counter(cell.reasons) for cell in cells), Counter[str]())
    return (
        spread([cell.rate for cell in cells]),
        spread([cell.p50 for cell in cells]),
        spread([cell.p99 for cell in cells]),
        spread([100 * cell.lost / cell.sent for cell in cells]),
        ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())),
        spread([cell.cores for cell in cells]),
    )


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _cameras(load: Load) -> str:
    return f"{load.cameras} x {load.rate}/s"
