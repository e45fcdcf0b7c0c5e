# SPDX-License-Identifier: Apache-2.0
"""What a folder or a table says about pictures, before any picture is opened."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.training.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NEGATIVE", "Entry", "Listing", "clean_tag", "locate", "shown"]

NEGATIVE = "Negative"
"""The tag of pictures that show none of the others, however its letters are cased."""


@dataclass(slots=True)
class Entry:
    """One picture as it was listed.

    Attributes:
        source: What the person calls it.
        path: Where it is; None for one whose bytes were given.
        data: Its bytes, where they were given.
        tags: The tags it has.
        complete: Whether an empty set of tags means "none of these", not "not tagged yet".
    """

    source: str
    path: Path | None
    tags: set[str] = field(default_factory=set)
    complete: bool = False
    data: bytes | None = None


@dataclass(slots=True)
class Listing:
    """Pictures and their tags, as a folder or a table has them.

    Attributes:
        entries: The pictures, in order.
        problems: What was left out.
        sidecars: How many files beside the pictures were passed over.
        tag_per_copy: Whether one more copy of a picture is how it gets one more tag, as it is in
            a folder per tag.
    """

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    sidecars: int = 0
    tag_per_copy: bool = False

    def report(self, source: str, what: str) -> None:
        """Note that something is left out."""
        self.problems.append(Problem(source, what))


def clean_tag(name: str) -> str:
    """Return a tag as it goes into a model's labels: one line of composed Unicode.

    A Mac composes file names differently from what is typed, and a name that is not UTF-8 could
    not be written into a file of labels.
    """
    tag = " ".join(unicodedata.normalize("NFC", shown(name)).split())
    return NEGATIVE if tag.casefold() == NEGATIVE.casefold() else tag


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path as text that can be printed, whatever its bytes."""
    return os.fsencode(path).decode("utf-8", "replace")


def locate(name: str, folders: Iterable[Path]) -> Path:
    """Find a file that a table names.

    Args:
        name: As the table has it. A backslash may stand for a slash, and the name may be composed
            differently from the file's: both come with tables that were written elsewhere.
        folders: Where to look, in order.

    Returns:
        The first that exists; else where it would be in the first folder.
    """
    slashed = name.replace("\\", "/")
    spellings = dict.fromkeys(
        [name, slashed, *(unicodedata.normalize(form, slashed) for form in ("NFC", "NFD"))]
    )
    places = [Path(os.path.normpath(folder / each)) for folder in folders for each in spellings]
    # Path.exists() raises for names that no file can have, such as one of 300 letters.
    return next((place for place in places if os.path.lexists(place)), places[0])
