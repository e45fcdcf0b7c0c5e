# SPDX-License-Identifier: Apache-2.0
"""How often models were asked over the last seconds, from counts that only grow."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trunkline.server.tally import Counts, Tally

__all__ = ["Recent"]

_WINDOW = 10.0  # seconds that a rate is taken over
_STEP = 1.0  # seconds between looks


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    counts: Mapping[str, Counts]


class Recent:
    """Remembers what was counted when somebody looked, and so costs nothing while nobody does.

    Args:
        tally: The counts.
        clock: Seconds, only ever forward.
    """

    def __init__(self, tally: Tally, clock: Callable[[], float] = time.monotonic) -> None:
        self._tally = tally
        self._clock = clock
        self._looks: deque[_Look] = deque()

    def look(self, names: Iterable[str]) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Return answers per second, and seconds to an answer, each by model.

        Both are of the time between the first and the last look in the last ten seconds. Models
        that were not asked in it are in neither.

        Args:
            names: Of which models.
        """
        now = self._clock()
        while self._looks and self._looks[0].at < now - _WINDOW:
            self._looks.popleft()
        if not self._looks or now - self._looks[-1].at >= _STEP:
            self._looks.append(_Look(now, {name: self._tally.of(name) for name in names}))
        first, last = self._looks[0], self._looks[-1]
        rates: dict[str, float] = {}
        latencies: dict[str, float] = {}
        for name, after in last.counts.items():
            before = first.counts.get(name)
            answered = after.answered - before.answered if before else 0
            if before and answered:
                rates[name] = answered / (last.at - first.at)
                spent = after.waited + after.ran - before.waited - before.ran
                latencies[name] = spent / answered
        return rates, latencies
