# SPDX-License-Identifier: Apache-2.0
"""Work done by several threads in any order, passed on in the order in which it was given out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Turnstile"]

T = TypeVar("T")


class Turnstile(Generic[T]):
    """Lets items through one by one, by their tickets: 0, 1, 2 and so on.

    Args:
        handle: Called with each item, never by two threads at once. Where it raises, so does
            ``pass_through``, and the items behind still come through.
    """

    def __init__(self, handle: Callable[[T], None]) -> None:
        self._handle = handle
        self._lock = threading.Lock()
        self._arrived: dict[int, T] = {}
        self._next = 0
        self._busy = False

    def pass_through(self, ticket: int, item: T) -> None:
        """Handle an item if its turn has come, and those that waited behind it.

        Otherwise it waits for those before it, without keeping this thread.
        """
        with self._lock:
            self._arrived[ticket] = item
            if self._busy:
                return  # whoever is at it goes on with this one
            self._busy = True
        problem: Exception | None = None
        while self._has_next():
            try:
                self._handle(self._taken())
            except Exception as error:
                problem = error
        if problem:
            raise problem

    def _has_next(self) -> bool:
        with self._lock:
            self._busy = self._next in self._arrived
            return self._busy

    def _taken(self) -> T:
        with self._lock:
            item = self._arrived.pop(self._next)
            self._next += 1
            return item
