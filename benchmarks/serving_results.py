# SPDX-License-Identifier: Apache-2.0
"""From measured servers to the page's tables and verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from figures import Finding, Target, findings_table, ratios, spread
from report import Table
from serving_sides import SIDES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Cell", "Cells", "Visit", "findings", "tables"]

OURS = "trunkline"
RATE_TARGETS = {"0.3": Target("at least", 8), "1.4": Target("at least", 6)}
CONTAINER_TARGET = Target("at least", 15)
FASTER = Target("more than", 1)
NO_SLOWER = Target("at least", 1)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one loop of clients found.

    Attributes:
        rate: Pictures answered per second.
        p50: Half were answered within so many milliseconds.
        p99: 99 of 100 were.
        busy: The share of a core that the clients themselves used.
        failed: Pictures that were not answered with 200.
    """

    rate: float
    p50: float
    p99: float
    busy: float
    failed: int = 0

    @classmethod
    def of(cls, latencies: Sequence[float], seconds: float, busy: float, failed: int) -> Cell:
        """Work it out from seconds; a server that answered nothing gets infinite ones."""
        if not latencies:
            return cls(0.0, float("inf"), float("inf"), busy, failed)
        p50, p99 = np.percentile(latencies, [50, 99], method="higher") * 1000
        return cls(len(latencies) / seconds, float(p50), float(p99), busy, failed)


Cells = dict[tuple[str, int], Cell]
"""By picture, in megapixels, and number of clients."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One life of a server.

    Attributes:
        start: Seconds from starting the process to the first picture answered by all models.
        memory: MiB after the last loop.
        cells: What the loops found.
    """

    start: float
    memory: float
    cells: Cells


def findings(visits: Mapping[str, Sequence[Visit]]) -> Table:
    """Hold Trunkline against the best of the others, load by load.

    Args:
        visits: By side, one for each round.
    """
    return findings_table(list(_findings(visits)))


def _findings(visits: Mapping[str, Sequence[Visit]]) -> Iterator[Finding]:
    servers = [name for name in visits if SIDES[name].kind == "server"]
    containers = [name for name in visits if SIDES[name].kind == "container"]
    for picture, clients in _cells_of(visits):
        here = f"{picture} megapixels, {_clients(clients)}"

        def rate(visit: Visit, of: tuple[str, int] = (picture, clients)) -> float:
            return visit.cells[of].rate

        def slowest(visit: Visit, of: tuple[str, int] = (picture, clients)) -> float:
            return visit.cells[of].p99

        if servers:
            yield _more(
                f"{here}, requests per second", rate, visits, servers, RATE_TARGETS[picture]
            )
        if containers:
            yield _more(f"{here}, requests per second", rate, visits, containers, CONTAINER_TARGET)
        yield _less(f"{here}, p99", slowest, "ms", visits, servers + containers, FASTER)
    others = servers + containers
    yield _less("start to ready", lambda visit: visit.start, "s", visits, others, NO_SLOWER)
    yield _less("memory", lambda visit: visit.memory, "MiB", visits, others, None)


def _more(
    measured: str,
    figure: Callable[[Visit], float],
    visits: Mapping[str, Sequence[Visit]],
    others: Sequence[str],
    target: Target,
) -> Finding:
    best = max(others, key=lambda name: median(map(figure, visits[name])))
    ours, theirs = ([figure(visit) for visit in visits[name]] for name in (OURS, best))
    told = f"{SIDES[best].title}: {spread(theirs)}"
    return Finding(measured, spread(ours), told, ratios(ours, theirs), target)


def _less(
    measured: str,
    figure: Callable[[Visit], float],
    unit: str,
    visits: Mapping[str, Sequence[Visit]],
    others: Sequence[str],
    target: Target | None,
) -> Finding:
    """Judge how many times more the one with the least of the others needs."""
    best = min(others, key=lambda name: median(map(figure, visits[name])))
    ours, theirs = ([figure(visit) for visit in visits[name]] for name in (OURS, best))
    told = f"{SIDES[best].title}: {spread(theirs, unit)}"
    return Finding(
        f"{measured}, how many times less", spread(ours, unit), told, ratios(theirs, ours), target
    )


def tables(visits: Mapping[str, Sequence[Visit]]) -> list[str | Table]:
    """Return a table of lives, and one for each picture."""
    pictures = dict.fromkeys(picture for picture, _ in _cells_of(visits))
    parts: list[str | Table] = [
        Table(
            ("side", "start to ready, s", "memory, MiB"),
            [
                (
                    SIDES[name].title,
                    spread([visit.start for visit in of]),
                    spread([visit.memory for visit in of]),
                )
                for name, of in visits.items()
            ],
        )
    ]
    for picture in pictures:
        parts += [f"### {picture} megapixels", _loads(picture, visits)]
    return parts


def _loads(picture: str, visits: Mapping[str, Sequence[Visit]]) -> Table:
    clients = [number for of, number in _cells_of(visits) if of == picture]
    header = [
        f"{_clients(number)}: {what}"
        for number in clients
        for what in ("requests/s", "p50, ms", "p99, ms")
    ]
    rows = []
    for name, of in visits.items():
        row = [SIDES[name].title]
        for number in clients:
            cells = [visit.cells[picture, number] for visit in of]
            row.append(spread([cell.rate for cell in cells]))
            row += [spread([getattr(cell, key) for cell in cells]) for key in ("p50", "p99")]
        rows.append(row)
    return Table(("side", *header), rows)


def _cells_of(visits: Mapping[str, Sequence[Visit]]) -> list[tuple[str, int]]:
    return list(visits[OURS][0].cells)


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"
