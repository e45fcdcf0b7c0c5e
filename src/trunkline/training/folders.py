# SPDX-License-Identifier: Apache-2.0
"""A folder per tag."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from trunkline.images.suffixes import PICTURE_SUFFIXES
from trunkline.training.listing import Entry, Listing, clean_tag, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["list_folder"]

# Pictures too, to the person: they are tried, so that each is reported and none silently missed.
_FOREIGN = frozenset(
    [
        ".arw",
        ".cr2",
        ".cr3",
        ".dng",
        ".heic",
        ".heif",
        ".hif",
        ".jp2",
        ".jxl",
        ".nef",
        ".orf",
        ".psd",
        ".raf",
        ".rw2",
        ".svg",
    ]
)
_TRIED = PICTURE_SUFFIXES | _FOREIGN | {""}
# Folders that archives and network drives leave behind.
_LEFT_BEHIND = frozenset({"__macosx", "@eadir", "$recycle.bin"})


def list_folder(root: Path) -> Listing:
    """List the pictures of a folder that has one folder per tag.

    A folder's name is the tag of all pictures in it and below it. Pictures directly in ``root``
    have no tag. Hidden files, and files that are no pictures by their suffix, are counted and
    passed over; files without a suffix are taken for pictures.

    Args:
        root: The folder.

    Returns:
        The pictures, sorted by their path below ``root``, whose sources are those paths.
    """
    walk = _Walk(root)
    for item in walk.items(root):
        if not _is_folder(item):
            walk.add(item, tag=None)
        elif walk.may_enter(item):
            walk.add_tag(item)
    return walk.listing


class _Walk:
    """A walk through the folders below a root, which fills a listing."""

    def __init__(self, root: Path) -> None:
        self.listing = Listing(tag_per_copy=True)
        self._root = root

    def items(self, folder: Path) -> list[Path]:
        """Return what is in a folder; nothing, and a problem, where that cannot be read."""
        try:
            return sorted(folder.iterdir(), key=lambda path: path.name)
        except OSError as error:
            self._report(
                folder, f"this folder cannot be read ({error.strerror}); check its permissions"
            )
            return []

    def may_enter(self, folder: Path) -> bool:
        """Tell whether pictures are looked for in a folder."""
        if folder.name.startswith(".") or folder.name.casefold() in _LEFT_BEHIND:
            return False
        if folder.suffix.lower() in PICTURE_SUFFIXES:
            self._report(folder, "this is a folder with the name of a picture; rename it")
            return False
        return True

    def add(self, path: Path, tag: str | None) -> None:
        """List one file, or count it where it is no picture."""
        if path.name.startswith(".") or path.suffix.lower() not in _TRIED:
            self.listing.sidecars += 1
        else:
            tags = {tag} if tag else set()
            self.listing.entries.append(Entry(self._shown(path), path, tags))

    def add_tag(self, folder: Path) -> None:
        """List everything below a tag's folder."""
        tag = clean_tag(folder.name)
        if not tag:
            self._report(folder, "its name is blank and cannot be a tag; give the folder a name")
            return
        before = len(self.listing.entries)
        for path in self._below(folder):
            self.add(path, tag)
        if len(self.listing.entries) == before:
            self._report(folder, "there are no pictures in this folder, so it is not a tag")

    def _below(self, folder: Path) -> Iterator[Path]:
        """Yield the files below a folder. Links are followed, and no folder is entered twice."""
        seen = {_identity(self._root)}
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            if _identity(current) in seen:
                self._report(current, "this link leads to a folder that is read already; remove it")
                continue
            seen.add(_identity(current))
            items = self.items(current)
            folders = [item for item in items if _is_folder(item)]
            yield from (item for item in items if item not in folders)
            waiting.extend(reversed([each for each in folders if self.may_enter(each)]))

    def _report(self, path: Path, what: str) -> None:
        self.listing.report(self._shown(path), what)

    def _shown(self, path: Path) -> str:
        return shown(path if path == self._root else path.relative_to(self._root))


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False  # what cannot be looked at is listed, and reported when it is opened


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
