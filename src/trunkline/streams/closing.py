# SPDX-License-Identifier: Apache-2.0
"""Ending many things in the time of one."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["close_all", "join_all"]


def close_all(closers: Iterable[Callable[[], object]], seconds: float) -> None:
    """Call all side by side, for each may have to wait for its network.

    Args:
        closers: What closes one each; one that raises or hangs does not keep the others open.
        seconds: How long all of them may take together.
    """

    def close(closer: Callable[[], object]) -> None:
        with suppress(Exception):
            closer()

    threads = [threading.Thread(target=close, args=(each,), daemon=True) for each in closers]
    for thread in threads:
        thread.start()
    join_all(threads, seconds)


def join_all(threads: Sequence[threading.Thread], seconds: float) -> None:
    """Wait until all have ended, for so many seconds at most."""
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
