# SPDX-License-Identifier: Apache-2.0
"""Small tables whose rows are all known: each column as wide as its widest cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Row", "columns"]

Row = tuple[str, ...]

_GAP = "  "


def columns(rows: Sequence[Row], *, left: int, styles: Sequence[str] = ()) -> Iterator[Text]:
    """Yield the lines of a table.

    Args:
        rows: The cells, each row as long as the first.
        left: How many columns, counted from the first, are aligned to the left; the others to the
            right, as numbers are.
        styles: For each row, what it is printed in; none by default.
    """
    widths = [max(map(cell_len, cells)) for cells in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [
            cell + " " * (width - cell_len(cell)) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield Text(_GAP.join(cells).rstrip(), styles[number] if styles else "")
