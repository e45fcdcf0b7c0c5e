# SPDX-License-Identifier: Apache-2.0
"""Label files: one label per line, in the order of the model's output."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from typing import TYPE_CHECKING

from trunkline.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_BYTES", "MAX_LABELS", "decode", "fault", "oddities", "parse"]

MAX_BYTES = 1 << 20
"""The largest label file that is read, in bytes."""
MAX_LABELS = 100_000
"""The most labels that a model may have."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# str.splitlines would also split at form feeds and other characters that no editor ends lines with.
_LINE_END = re.compile(r"\r\n|\r|\n")
# Every control character but the tab, which some people put inside a label.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def decode(data: bytes, source: str | Path) -> str:
    """Turn the bytes of a text file into text, whatever editor wrote it.

    A byte order mark decides between UTF-8 and UTF-16; without one it is UTF-8, and where that is
    not valid Windows-1252, which older Windows editors write.

    Args:
        data: The whole file.
        source: The file's name, for the message.

    Returns:
        The text without a byte order mark, line ends as they were.

    Raises:
        ExportError: It is not text in any of these encodings.
    """
    return _decoded(data, source)[0]


def fault(label: str) -> str | None:
    """Say what is wrong with a label, as a clause; None where nothing is."""
    if not label.strip():
        return "is blank"
    if _CONTROL.search(label):
        return "holds a control character"
    return None


def parse(data: bytes, source: str | Path) -> tuple[str, ...]:
    """Read a label file.

    Lines may end in any of the three ways, and the last one need not end. White space around a
    label and blank lines at the end are dropped. A blank line before the end is refused, because
    dropping it would move every label after it to another output. The same label may come twice:
    the outputs are told apart by their position.

    Args:
        data: The whole file.
        source: The file's name, for the message.

    Returns:
        The labels in output order, at least one.

    Raises:
        ExportError: The file is empty, not text, too large, or one of its lines is no label.
    """
    if len(data) > MAX_BYTES:
        raise ExportError(source, f"is larger than {MAX_BYTES >> 20} MiB, too large for labels.")
    lines = [line.strip() for line in _LINE_END.split(decode(data, source))]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ExportError(source, "is empty; it should hold one label per line.")
    if len(lines) > MAX_LABELS:
        raise ExportError(source, f"holds {len(lines)} labels; at most {MAX_LABELS} are read.")
    for number, line in enumerate(lines, start=1):
        if wrong := fault(line):
            raise ExportError(source, f"line {number} {wrong}; each line should hold one label.")
    return tuple(lines)


def oddities(data: bytes, source: str | Path) -> tuple[str, ...]:
    """Say what was unusual about a label file that ``parse`` accepted.

    Args:
        data: The whole file.
        source: The file's name, for the message.

    Returns:
        Clauses whose subject is the file, such as ``"has Windows line ends"``.

    Raises:
        ExportError: As ``parse``.
    """
    text, encoding = _decoded(data, source)
    counts = Counter(parse(data, source))
    twice = [label for label, count in counts.items() if count > 1]
    clauses = {
        "begins with a byte order mark": encoding.startswith("utf-") and encoding != "utf-8",
        "is not UTF-8 and was read as Windows-1252": encoding == "cp1252",
        "has Windows line ends": "\r\n" in text,
        "has line ends of the old Macintosh": "\r" in text.replace("\r\n", ""),
        f"names a label more than once: {', '.join(twice[:5])}": bool(twice),
    }
    return tuple(clause for clause, holds in clauses.items() if holds)


def _decoded(data: bytes, source: str | Path) -> tuple[str, str]:
    marked = [encoding for mark, encoding in _MARKS if data.startswith(mark)]
    for encoding in marked or ["utf-8", "cp1252"]:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise ExportError(source, "is not a text file; save it as UTF-8 text.")
