# SPDX-License-Identifier: Apache-2.0
"""How often each model was asked, and how long that took, since the server started."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["Counts", "Tally"]


@dataclass(slots=True)
class Counts:
    """How one model did.

    Attributes:
        answered: Pictures answered.
        failed: Pictures that were not.
        waited: Seconds in the queue, of those answered.
        ran: Seconds of decoding and running, likewise; shared with the models asked with it.
        failing: Seconds that those not answered took in all.
        last: When it last answered, in seconds since 1970; 0.0 for never.
    """

    answered: int = 0
    failed: int = 0
    waited: float = 0.0
    ran: float = 0.0
    failing: float = 0.0
    last: float = 0.0

    def add(self, other: Counts) -> None:
        """Add what else was counted for the same model."""
        self.answered += other.answered
        self.failed += other.failed
        self.waited += other.waited
        self.ran += other.ran
        self.failing += other.failing
        self.last = max(self.last, other.last)


class Tally:
    """Counts by model name.

    Requests to all models are counted together, and shared out when someone looks or when the
    models change: a thousand models cost a request no more than one.
    """

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._all: tuple[str, ...] = ()
        self._together = Counts()
        self._lock = threading.Lock()

    def answered(
        self, names: Collection[str] | None, every: Iterable[str], waited: float, ran: float
    ) -> None:
        """Count a picture that was answered.

        Args:
            names: Whose answers were wanted; None for all.
            every: All that answered.
            waited: Seconds in the queue.
            ran: Seconds of decoding and running.
        """
        counts = Counts(answered=1, waited=waited, ran=ran, last=time.time())
        with self._lock:
            if names is None and (asked := tuple(every)) != self._all:
                self._share_out()
                self._all = asked
            self._add(names, counts)

    def failed(self, names: Collection[str] | None, took: float, *, checked: bool) -> None:
        """Count a picture that was not answered.

        Args:
            names: Whose answers were wanted; None for all.
            took: Seconds that it took all the same.
            checked: Whether there are such models; if not, those never counted before are not
                counted now, so that made-up names do not fill the memory.
        """
        with self._lock:
            if names is not None and not checked:
                names = self._counts.keys() & names
            self._add(names, Counts(failed=1, failing=took))

    def of(self, name: str) -> Counts:
        """Return a model's counts so far."""
        with self._lock:
            self._share_out()
            found = Counts()
            found.add(self._counts.get(name, found))
            return found

    def _add(self, names: Collection[str] | None, counts: Counts) -> None:
        if names is None:
            self._together.add(counts)
        else:
            for name in names:
                self._counts[name].add(counts)

    def _share_out(self) -> None:
        shared, self._together = self._together, Counts()
        for name in self._all:
            self._counts[name].add(shared)
