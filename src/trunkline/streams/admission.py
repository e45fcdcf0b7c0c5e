# SPDX-License-Identifier: Apache-2.0
"""What is looked at when not everything can be.

Nothing here reads a clock or starts a thread: times are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PATIENCE", "Costs", "Timed", "Waiting", "admit", "choose"]

PATIENCE = 2.0
"""Seconds after which a camera, or a model on a camera, gets its turn whatever its priority.

So none starves, and a time that was measured in a bad moment is measured again.
"""
_SMOOTHING = 0.2  # the share of the newest measurement
_MOST_SETS = 256


class Timed(Protocol):
    """A model that is due on a camera, as far as admission is concerned."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def priority(self) -> int:
        """The larger, the later it is left out."""
        ...

    @property
    def deadline(self) -> float | None:
        """Seconds from the frame's coming; None for no limit."""
        ...

    @property
    def answered(self) -> float:
        """When it last looked at this camera."""
        ...


class Waiting(Protocol):
    """A camera with a frame, as far as admission is concerned."""

    @property
    def priority(self) -> int:
        """The larger, the sooner."""
        ...

    @property
    def since(self) -> float:
        """When it began to wait."""
        ...

    @property
    def served(self) -> int:
        """When it was last served: a number that grows from service to service."""
        ...


class Costs:
    """How long models take together, as measured.

    Models that share a trunk take less together than the sum of what each takes alone, so the
    time of each set is kept for itself.
    """

    def __init__(self) -> None:
        self._seconds: dict[frozenset[str], float] = {}

    def note(self, models: Iterable[str], seconds: float) -> None:
        """Take in how long a set of models took for one frame."""
        key = frozenset(models)
        if key not in self._seconds and len(self._seconds) >= _MOST_SETS:
            self._seconds.pop(next(iter(self._seconds)))
        before = self._seconds.get(key, seconds)
        self._seconds[key] = before + _SMOOTHING * (seconds - before)

    def estimate(self, models: Iterable[str]) -> float:
        """Return how many seconds a set takes; where it was never measured, its largest part.

        0 where no part of it was, so that it is tried.
        """
        key = frozenset(models)
        if not key:
            return 0.0
        known = self._seconds.get(key)
        if known is not None:
            return known
        return max((s for k, s in tuple(self._seconds.items()) if k <= key), default=0.0)


TimedT = TypeVar("TimedT", bound=Timed)
WaitingT = TypeVar("WaitingT", bound=Waiting)


@dataclass(frozen=True, slots=True)
class _Moment:
    came: float
    now: float


def admit(
    due: Sequence[TimedT], costs: Costs, *, came: float, now: float
) -> tuple[list[TimedT], list[TimedT]]:
    """Divide models into those that can answer a frame in time, and those left out.

    While the time that all of them take together is more than the strictest deadline leaves, the
    one of the lowest priority is left out; among equals, the one that answered last. Where many
    are equal, an eighth of them go at once.

    Args:
        due: The models whose turn it is.
        costs: What they take.
        came: When the frame came.
        now: The time.

    Returns:
        Who looks, in the order given, and who does not.
    """
    moment = _Moment(came, now)
    taken = list(due)
    if all(each.deadline is None for each in taken):
        return taken, []
    overdue = {id(each) for each in taken if now - each.answered > PATIENCE}
    left: list[TimedT] = []
    while _too_late(taken, costs, moment):
        spare = [each for each in taken if id(each) not in overdue]
        if not spare:
            break
        out = _least(spare)
        gone = {id(each) for each in out}
        taken = [each for each in taken if id(each) not in gone]
        left.extend(out)
    return taken, left


def choose(waiting: Iterable[WaitingT], now: float) -> WaitingT | None:
    """Return which camera is served next; None where none waits.

    Those that ran out of patience come first, the longest waiting ahead; then those of the
    highest priority; among equals, the one that was served the longest time ago.
    """
    return min(
        waiting,
        key=lambda each: (
            (0, each.since, 0) if now - each.since > PATIENCE else (1, -each.priority, each.served)
        ),
        default=None,
    )


def _least(spare: Sequence[TimedT]) -> list[TimedT]:
    lowest = min(each.priority for each in spare)
    equals = [each for each in spare if each.priority == lowest]
    equals.sort(key=lambda each: -each.answered)
    return equals[: max(1, len(equals) // 8)]


def _too_late(taken: Sequence[Timed], costs: Costs, moment: _Moment) -> bool:
    limits = [each.deadline for each in taken if each.deadline is not None]
    if not limits:
        return False
    ready = moment.now + costs.estimate(each.model for each in taken)
    return ready > moment.came + min(limits)
