# SPDX-License-Identifier: Apache-2.0
"""Models that come and go while others watch."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Self

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from pathlib import Path

    from trunkline import ModelSet

__all__ = ["GUESTS", "Turnover"]

GUESTS = ("guest-1", "guest-2", "guest-3")


class Turnover:
    """Adds, replaces and removes models at random, in a thread of its own.

    Args:
        models: The model set.
        exports: Of these, ``guest`` and ``stranger`` are loaded under the guests' names.
        chance: What decides.
        pace: How much longer than usual they are left alone.

    Attributes:
        done: What was done, and how often.
        wrong: What did not go as it should.
    """

    def __init__(
        self, models: ModelSet, exports: Mapping[str, Path], chance: random.Random, pace: float
    ) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._models, self._chance, self._pace = models, chance, pace
        self._exports = [exports["guest"], exports["stranger"]]
        self._broken = exports["guest"].with_name("broken.zip")
        self._broken.write_bytes(b"PK\x03\x04 half a zip")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_round)

    def _go_round(self) -> None:
        while not self._over.wait(self._pace * self._chance.uniform(0.2, 1)):
            try:
                self._change(self._chance.choice(GUESTS))
            except Exception as error:
                self.wrong.append(repr(error))
        for name in GUESTS:
            if name not in self._models:
                self._models.add(**{name: self._exports[0]})

    def _change(self, name: str) -> None:
        export = self._chance.choice(self._exports)
        loaded = name in self._models
        match self._chance.randrange(4):
            case 0:
                try:
                    put_in = self._models.replace if loaded else self._models.add
                    put_in(**{name: self._broken})
                except TrunklineError:
                    self.done["a broken model is refused"] += 1
                else:
                    self.wrong.append("a broken model was loaded")
            case 1 if loaded:
                self._models.remove(name)
                self.done["a model is removed"] += 1
            case _ if loaded:
                self._models.replace(**{name: export})
                self.done["a model is replaced"] += 1
            case _:
                self._models.add(**{name: export})
                self.done["a model is added"] += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
