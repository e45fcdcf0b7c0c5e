# SPDX-License-Identifier: Apache-2.0
"""From measured numbers to cells of a table, and to verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from report import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Finding", "Target", "findings_table", "ratios", "reached", "short", "spread"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is to reach.

    Attributes:
        kind: Which side of the limit is right.
        limit: The limit, which is right itself.
    """

    kind: Literal["at least", "more than", "at most"]
    limit: float

    def __str__(self) -> str:
        return f"{self.kind} {self.limit:g}"

    def is_met(self, figures: Sequence[float]) -> bool:
        """Judge the median of several rounds' figures."""
        middle = median(figures)
        match self.kind:
            case "at least":
                return middle >= self.limit
            case "more than":
                return middle > self.limit
            case "at most":
                return middle <= self.limit


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was measured, and what it was to reach.

    Attributes:
        measured: What, as a reader calls it.
        this: The figure under test, with its unit.
        against: The figure it is held against, with its unit.
        figures: What is judged, one per round; the ratio of the two where no unit is given.
        target: What they are to reach; None for what is only told.
        unit: The judged figures' unit.
    """

    measured: str
    this: str
    against: str
    figures: Sequence[float]
    target: Target | None = None
    unit: str = ""

    def row(self) -> tuple[str, ...]:
        """Return the cells of the finding's row."""
        told = (
            self.measured,
            self.this,
            self.against,
            spread(self.figures, self.unit, finely=True),
        )
        if self.target is None:
            return (*told, "", "")
        limit = f"{self.target} {self.unit}".rstrip()
        return (*told, limit, reached(self.target.is_met(self.figures)))


def findings_table(findings: Sequence[Finding]) -> Table:
    """Return findings as a table."""
    header = ("measured", "this", "against", "ratio", "to reach", "verdict")
    return Table(header, [finding.row() for finding in findings])


def ratios(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Return one ratio per round: neighbours in time are compared, not a good and a bad minute."""
    return [a / b for a, b in zip(these, those, strict=True)]


def reached(is_reached: bool) -> str:  # noqa: FBT001 - one argument that the name explains
    """Return the verdict."""
    return "Reached." if is_reached else "**Missed.**"


def spread(values: Sequence[float], unit: str = "", *, finely: bool = False) -> str:
    """Return the median, and the smallest and largest in parentheses where there are several.

    Args:
        values: One per round.
        unit: Put behind the median.
        finely: With one more digit, so that a figure close to its limit can be told from it.
    """
    middle, least, most = (short(f(values), finely=finely) for f in (median, min, max))
    middle += f" {unit}" if unit else ""
    return f"{middle} ({least} to {most})" if values[1:] else middle


def short(value: float, *, finely: bool = False) -> str:
    """Return three digits of a number that is not small, and thousandths of one that is.

    Args:
        value: The number.
        finely: With one more digit, where it is below 100.
    """
    if abs(value) >= 100:
        return f"{value:.0f}"
    decimals = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{decimals + finely}f}"
