# SPDX-License-Identifier: Apache-2.0
"""A CSV file that names pictures and their tags."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING

from trunkline.errors import TrainingError
from trunkline.training.listing import Entry, Listing, clean_tag, locate, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    Row = list[str]
    TagsOf = Callable[[Row], Iterable[str]]

__all__ = ["list_table"]

_FILE = frozenset(
    {"file", "path", "filename", "file_name", "filepath", "file_path", "image", "picture"}
)
_TAGS = frozenset({"tag", "tags", "label", "labels"})
_YES = frozenset({"1", "1.0", "true", "yes"})
_NO = frozenset({"", "0", "0.0", "-1", "false", "no"})
_BETWEEN_TAGS = re.compile(r"[;|]")


def list_table(path: Path) -> Listing:
    """List the pictures of a CSV file.

    Its first line names the columns: one called file, path, filename, image or picture, and either
    one called tag, tags, label or labels, or one column per tag with 1 or 0 in it. Several tags of
    a picture are separated by ``;`` or ``|``, or stand in rows of their own. Columns may be
    separated by commas, semicolons, tabs or bars. Paths are relative to the file's folder.

    Args:
        path: The file, in UTF-8 or, with a byte order mark, UTF-16.

    Returns:
        The pictures in the order in which the file first names them.

    Raises:
        TrainingError: The file cannot be read, or is no such table.
    """
    header, rows = _parse(_text(path), path)
    file, tags_of, complete = _columns(header, [row for _, row in rows], path)
    listing = Listing()
    entries: dict[Path, Entry] = {}
    for line, row in rows:
        name = row[file].strip() if file < len(row) else ""
        if not name:
            listing.report(f"{shown(path)}, line {line}", "no file is named; name one")
            continue
        place = locate(name, [path.parent])
        entry = entries.setdefault(place, Entry(shown(name), place, complete=complete))
        entry.tags.update(filter(None, map(clean_tag, tags_of(row))))
    listing.entries.extend(entries.values())
    return listing


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(
            shown(path), f"the file cannot be read ({error.strerror}); check its permissions"
        ) from error
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrainingError(
            shown(path), "it is not a table in UTF-8; save it as CSV in UTF-8"
        ) from error
    if "\0" in text:
        raise TrainingError(shown(path), "it is not a table; give a CSV file")
    return text


def _parse(text: str, path: Path) -> tuple[Row, list[tuple[int, Row]]]:
    """Return the names of the columns, and by line number the rows that are not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise TrainingError(
            shown(path), f"it cannot be read as CSV ({error}); save it again as CSV"
        ) from error
    if not rows:
        raise TrainingError(shown(path), "it is empty; name pictures and their tags in it")
    return [name.strip() for name in rows[0][1]], rows[1:]


def _delimiter(text: str) -> str:
    """Return what separates the columns: what makes the most of the first line.

    The csv module's own guess looks at all lines and is led astray by separated tags.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t|", key=first.count)


def _columns(header: Row, rows: Sequence[Row], path: Path) -> tuple[int, TagsOf, bool]:
    """Return the column of files, what reads a row's tags, and whether no tags mean "none"."""
    names = [name.casefold() for name in header]
    file = next((at for at, name in enumerate(names) if name in _FILE), None)
    if file is None:
        raise TrainingError(
            shown(path),
            "none of its columns names the pictures; its first line must name the columns, "
            "and one must be called file",
        )
    column = next((at for at, name in enumerate(names) if name in _TAGS), None)
    if column is not None:
        return file, _named_tags(column, last=column == len(names) - 1), False
    flags = {at: name for at, name in enumerate(header) if at != file and _is_flag(at, rows)}
    if not flags:
        raise TrainingError(
            shown(path),
            "none of its columns holds tags; call one tags, or have one column per tag with 1 or 0",
        )
    return file, lambda row: _flagged_tags(row, flags), True


def _named_tags(column: int, *, last: bool) -> TagsOf:
    """Read tags that a column names; cells beyond the last column are more of them."""
    end = None if last else column + 1
    return lambda row: [tag for cell in row[column:end] for tag in _BETWEEN_TAGS.split(cell)]


def _flagged_tags(row: Row, flags: dict[int, str]) -> list[str]:
    return [tag for at, tag in flags.items() if at < len(row) and _flag(row[at]) in _YES]


def _is_flag(column: int, rows: Sequence[Row]) -> bool:
    """Tell whether a column is a tag's: nothing but 1 and 0, and not all blank."""
    cells = {_flag(row[column]) for row in rows if column < len(row)}
    return cells <= _YES | _NO and bool(cells - {""})


def _flag(cell: str) -> str:
    return cell.strip().casefold()
