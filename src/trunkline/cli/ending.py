# SPDX-License-Identifier: Apache-2.0
"""What ends a command that would go on for days: Ctrl-C, SIGTERM, and time."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ending"]

_SIGNALS = signal.SIGINT, signal.SIGTERM


@contextmanager
def ending(stop: Callable[[], None], seconds: float | None = None) -> Iterator[None]:
    """Let signals and time ask for the end while the context lasts.

    A signal's handler only asks. Were it to raise, as Ctrl-C does by itself, the exception could
    come just after a lock was taken and before anybody is bound to give it back, and the threads
    that need that lock would wait for good (https://github.com/python/cpython/issues/74174).
    A second signal is not waited for: it does what it did before.

    Args:
        stop: Asks for the end. It must take no lock, and not wait.
        seconds: After how long it is called in any case; None for never.

    Raises:
        KeyboardInterrupt: At the end of the context, after Ctrl-C.
    """
    timer = threading.Timer(seconds or 0, stop)
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        with _signals_to(stop) as asked:
            yield
    finally:
        timer.cancel()
    if signal.SIGINT in asked:
        raise KeyboardInterrupt


@contextmanager
def _signals_to(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Call ``stop`` at the first signal; yield where its number is noted."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # where no handler can be set, and none is called
        return
    found = {number: signal.getsignal(number) for number in _SIGNALS}
    # Who started this process may have had it ignore them, as ``nohup`` and a shell's ``&`` do.
    before = {number: old for number, old in found.items() if old not in (signal.SIG_IGN, None)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, _frame: object) -> None:
        restore()
        asked.append(number)
        stop()

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        restore()
