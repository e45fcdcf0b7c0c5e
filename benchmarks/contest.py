# SPDX-License-Identifier: Apache-2.0
"""Two sides that can each be set up in several ways, compared at their best."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from figures import Finding, ratios, spread
from report import Table
from timing import Side, alternate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from callers import Push
    from figures import Target
    from lab import Lab

__all__ = ["Contest", "Outcome", "settings_table"]


@dataclass(frozen=True, slots=True)
class Contest:
    """Trunkline against others who do the same work.

    Attributes:
        measured: What is measured.
        ours: Trunkline's settings, by name.
        others: Who the others are.
        theirs: Their settings, by name.
        target: What the ratio of frames per second is to reach.
        frames: How many frames a side gets at a time.
    """

    measured: str
    ours: Mapping[str, Push]
    others: str
    theirs: Mapping[str, Push]
    target: Target
    frames: int = 8

    def run(self, lab: Lab) -> Outcome:
        """Time all settings of both sides by turns."""
        sides = [
            self._side(who, setting, push, 2 if lab.quick else self.frames)
            for who, settings in ((_OURS, self.ours), (self.others, self.theirs))
            for setting, push in settings.items()
        ]
        took = alternate(sides, lab.rounds, lab.seconds)
        rates = {title: [1000 / each for each in of] for title, of in took.items()}
        return Outcome(self, rates)

    def _side(self, who: str, setting: str, push: Push, frames: int) -> Side:
        return Side(_title(who, setting), lambda: push(frames), frames)


_OURS = "Trunkline"


def _title(who: str, setting: str) -> str:
    return f"{who}: {setting}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a contest ended.

    Attributes:
        contest: Who ran.
        rates: Frames per second in each round, by side and setting.
    """

    contest: Contest
    rates: Mapping[str, Sequence[float]]

    def finding(self) -> Finding:
        """Hold Trunkline's best setting against the others' best, frames per second."""
        ours = self._best(_OURS, self.contest.ours)
        theirs = self._best(self.contest.others, self.contest.theirs)
        return Finding(
            f"{self.contest.measured}, frames per second",
            spread(self.rates[ours]),
            f"{spread(self.rates[theirs])}",
            ratios(self.rates[ours], self.rates[theirs]),
            self.contest.target,
        )

    def _best(self, who: str, settings: Iterable[str]) -> str:
        titles = [_title(who, setting) for setting in settings]
        return max(titles, key=lambda title: median(self.rates[title]))


def settings_table(outcomes: Sequence[Outcome]) -> Table:
    """Return the frames per second of every setting.

    Args:
        outcomes: Of contests between the same sides in the same settings.
    """
    header = ("frames per second", *(outcome.contest.measured for outcome in outcomes))
    return Table(
        header,
        [
            (title, *(spread(outcome.rates[title]) for outcome in outcomes))
            for title in outcomes[0].rates
        ],
    )
