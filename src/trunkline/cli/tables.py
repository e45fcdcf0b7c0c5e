# SPDX-License-Identifier: Apache-2.0
"""The table that people read, printed row by row as the answers come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from trunkline.cli.answers import Complaints
from trunkline.cli.words import answer_words, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trunkline.cli.answers import Answer

__all__ = ["Table", "plain_console"]

_GAP = "  "
_WIDEST_COLUMN = 60  # a longer name is printed whole, and only its own row is out of line


def plain_console() -> Console:
    """Return a console on standard output that prints text as it is.

    Colours only on a terminal and without ``NO_COLOR``; nothing wrapped or cut to a width; no
    markup, so that a label such as ``[red]`` is a label.
    """
    return Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


class Table:
    """Writes one row per picture and model: picture, model, answer.

    The widths are those of the names, which are known before the first answer, so that no row
    has to wait for the last.

    Args:
        pictures: Every picture's path.
        models: Every model's name.
    """

    def __init__(self, pictures: Iterable[str], models: Iterable[str]) -> None:
        self._console = plain_console()
        self._complaints = Complaints()
        self._widths = (_width("picture", pictures), _width("model", models))
        self._headed = False

    def write(self, answer: Answer) -> None:
        """Print the rows of one picture, or on standard error why there are none."""
        self._complaints.write(answer)
        for row, (model, prediction) in enumerate(answer.predictions.items()):
            if not self._headed:
                self._row(("picture", "model", "answer"), ("bold", "bold", "bold"))
                self._headed = True
            cells = (one_line(answer.frame), one_line(model), answer_words(prediction))
            self._row(cells, ("dim" if row else "", "cyan", ""))

    def _row(self, cells: Sequence[str], styles: Sequence[str]) -> None:
        line = Text()
        for cell, style, width in zip(cells, styles, (*self._widths, 0), strict=True):
            line.append(cell, style).append(" " * (width - cell_len(cell))).append(_GAP)
        line.rstrip()
        self._console.print(line, soft_wrap=True)


def _width(title: str, cells: Iterable[str]) -> int:
    widest = max((cell_len(one_line(cell)) for cell in cells), default=0)
    return max(cell_len(title), min(widest, _WIDEST_COLUMN))
