# SPDX-License-Identifier: Apache-2.0
"""Collecting picture files from what a person names: files, folders, standard input."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["STANDARD_INPUT", "find_pictures"]

STANDARD_INPUT = "-"


def find_pictures(named: Iterable[str]) -> Iterator[str | PictureError]:
    """Find the pictures that a person means.

    Args:
        named: Paths of files and folders, or ``"-"`` for standard input.

    Yields:
        A path for every file named, whatever its suffix, and for every picture in the folders
        named and their subfolders, sorted, hidden ones left out; ``"-"`` as it is; and an error
        in the place of a folder that cannot be read or holds no picture.
    """
    for name in named:
        # Path.is_dir() raises for a name that is too long to be one; os.path.isdir() says no.
        if name != STANDARD_INPUT and os.path.isdir(name):  # noqa: PTH112
            yield from _in_folder(name)
        else:
            yield name


def _in_folder(folder: str) -> Iterator[str | PictureError]:
    from trunkline.images.suffixes import PICTURE_SUFFIXES

    found = False
    for item in _walk(folder, PICTURE_SUFFIXES):
        found = True
        yield item
    if not found:
        suffixes = ", ".join(sorted(PICTURE_SUFFIXES))
        yield PictureError(
            folder, f"there are no pictures in this folder. Name one that has some ({suffixes})."
        )


def _walk(folder: str, suffixes: frozenset[str]) -> Iterator[str | PictureError]:
    unreadable: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=unreadable.append):
        # Changed in place: os.walk goes on into what is left of the list, in its order.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                yield str(Path(parent, name))
    for error in unreadable:
        yield PictureError(
            str(error.filename), f"this folder cannot be read ({error.strerror}). Check its rights."
        )
