# SPDX-License-Identifier: Apache-2.0
"""What must hold of a long trial, as rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from figures import reached, short
from report import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Check", "at_most", "checks_table", "none"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    Attributes:
        what: As a reader calls it.
        found: The figure, with its unit.
        wanted: What it is to reach.
        holds: Whether it does.
    """

    what: str
    found: str
    wanted: str
    holds: bool


def none(what: str, which: Sequence[object]) -> Check:
    """Return that there is none of something, and the first of it where there is."""
    some = "; ".join(map(str, which))[:300]
    return Check(what, f"{len(which)} ({some})" if which else "0", "0", not which)


def at_most(what: str, figure: float, limit: float, unit: str) -> Check:
    """Return that a figure does not exceed its limit."""
    return Check(what, f"{short(figure)} {unit}", f"at most {short(limit)} {unit}", figure <= limit)


def checks_table(checks: Sequence[Check]) -> Table:
    """Return checks with their verdicts."""
    rows = [(each.what, each.found, each.wanted, reached(each.holds)) for each in checks]
    return Table(("what", "found", "to reach", "verdict"), rows)
