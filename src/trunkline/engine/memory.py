# SPDX-License-Identifier: Apache-2.0
"""Giving memory back to the machine."""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["give_back_memory"]


def give_back_memory() -> None:
    """Hand what was freed back to the machine, where the C library can.

    The GNU C library keeps freed memory for later, in each thread's own arena, when something
    small behind it is still in use. Reading and compiling a model frees tens of megabytes in many
    pieces, and a process that never returns them looks as if it leaked.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Return the C library's ``malloc_trim``; None where it has none, as musl and macOS."""
    function: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return function
