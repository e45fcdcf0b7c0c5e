# SPDX-License-Identifier: Apache-2.0
"""When each step of a frame began and ended, told to whoever has asked for it.

Nobody has, as a rule, and then a step costs a look at a context variable.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Tell", "carried", "step", "telling"]

Tell = Callable[[str, int, int], None]
"""Takes a step's name, its begin and its end, in nanoseconds since 1970; on any thread."""

_P = ParamSpec("_P")
_R = TypeVar("_R")

_tell: ContextVar[Tell | None] = ContextVar("trunkline_steps", default=None)


@contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Have the steps of all frames told that are answered in this context."""
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


def carried(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function whose steps are told as they would be here, whatever thread calls it."""
    if _tell.get() is None:
        return function
    return partial(copy_context().run, function)


class step:  # noqa: N801 - it reads as the statement that it is used in
    """A context that is one step, ended by its end or by ``end``."""

    __slots__ = ("_begun", "_name", "_tell")

    def __init__(self, name: str) -> None:
        self._name = name
        self._tell = _tell.get()
        self._begun = time.time_ns() if self._tell else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Tell of the step."""
        if self._tell:
            self._tell(self._name, self._begun, time.time_ns())
