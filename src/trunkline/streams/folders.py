# SPDX-License-Identifier: Apache-2.0
"""Reading a folder of pictures, and new ones as they arrive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import PictureError, TrunklineError
from trunkline.images import read_picture
from trunkline.images.suffixes import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trunkline.streams.outlet import Outlet

__all__ = ["follow_pictures", "read_pictures"]

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


def read_pictures(path: Path, outlet: Outlet, time_of: Callable[[int], float]) -> None:
    """Put out every picture of a folder and its subfolders, sorted by path, or one picture.

    Hidden files and folders are left out, and a picture that cannot be read is counted and noted.

    Args:
        path: A folder, or a picture.
        outlet: Where the pictures go.
        time_of: Gives the time of the n-th picture, in seconds since 1970.

    Raises:
        TrunklineError: Nothing in the folder is named like a picture, or none could be read.
    """
    found = sorted(_walk(path)) if path.is_dir() else [path]
    given = 0
    for picture in found:
        if outlet.stopped():
            return
        given += _offer(picture, outlet, time_of(given))
    if not given:
        raise TrunklineError(
            "None of its pictures could be read. Check them with trunkline predict."
            if found
            else f"It holds no picture ({', '.join(sorted(PICTURE_SUFFIXES))})."
        )


def follow_pictures(
    path: Path, outlet: Outlet, time_of: Callable[[int], float], pause: Callable[[], object]
) -> None:
    """Put out every picture of a folder, and then new ones as they arrive, until it is stopped.

    A picture is taken once its size and time have not changed between two looks, for it may
    still be being written. One that is written anew is taken anew. The folder may come later.

    Args:
        path: A folder.
        outlet: Where the pictures go.
        time_of: Gives the time of the n-th picture, in seconds since 1970.
        pause: Called between two looks.
    """
    before: dict[Path, Stamp] = {}
    done: dict[Path, Stamp] = {}
    given = 0
    while not outlet.stopped():
        now = _stamps(path)
        settled = [each for each in now if before.get(each) == now[each] != done.get(each)]
        for picture in sorted(settled, key=lambda each: (now[each][1], each)):
            if outlet.stopped():
                return
            given += _offer(picture, outlet, time_of(given))
            done[picture] = now[picture]
        # What has gone is forgotten, or a folder that is emptied as it fills would fill memory.
        done = {each: stamp for each, stamp in done.items() if each in now}
        before = now
        pause()


def _offer(picture: Path, outlet: Outlet, at: float) -> bool:
    try:
        pixels = read_picture(picture)
    except PictureError as error:
        outlet.journal.broken(str(error))
        return False
    outlet.offer(at, pixels.shape[1], pixels.shape[0], lambda: pixels)
    return True


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in PICTURE_SUFFIXES:
                yield Path(parent, name)


def _stamps(folder: Path) -> dict[Path, Stamp]:
    stamps = {}
    for path in _walk(folder):
        try:
            status = path.stat()
        except OSError:
            continue  # it has gone since, or is a link to nothing
        stamps[path] = (status.st_size, status.st_mtime_ns)
    return stamps
