# SPDX-License-Identifier: Apache-2.0
"""The progress bar on standard error."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

__all__ = ["Bar", "progress_bar"]

_A_FEW = 5  # up to here the answers are the progress


class Bar:
    """A progress bar, or nothing.

    Args:
        progress: What draws it; None for nothing.
        total: How many pictures there are.
    """

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total) if progress else None

    @contextmanager
    def step(self) -> Iterator[None]:
        """Take the bar away while one picture's answers are printed, and draw it one further.

        Standard output and standard error may be the same terminal, and a line printed there
        while the bar stands would be drawn over it.
        """
        if self._progress is None or self._task is None:
            yield
            return
        self._progress.stop()
        yield
        self._progress.advance(self._task)
        self._progress.start()  # this draws it

    def move_to(self, done: int, total: int) -> None:
        """Draw the bar as far as it is; for what prints nothing meanwhile."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total, refresh=True)


@contextmanager
def progress_bar(total: int, *, quiet: bool) -> Iterator[Bar]:
    """Show a bar for more than a few pictures, where standard error is a terminal.

    Args:
        total: How many pictures there are.
        quiet: Whether to show none in any case.
    """
    if quiet or total <= _A_FEW or not sys.stderr.isatty():
        yield Bar(None, total)
        return
    with _drawn() as progress:
        yield Bar(progress, total)


def _drawn() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # Drawn once per picture, by step(); a thread would only draw the same again.
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
