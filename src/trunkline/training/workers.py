# SPDX-License-Identifier: Apache-2.0
"""Threads that stop when the program is stopped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["workers"]


@contextmanager
def workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Lend a pool of threads, which drops what it has not begun when the block is left.

    The executor's own context manager would finish everything first, so that Ctrl-C would seem not
    to work.

    Args:
        count: How many threads.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix="trunkline-training")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
