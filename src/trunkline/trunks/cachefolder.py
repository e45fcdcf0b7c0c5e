# SPDX-License-Identifier: Apache-2.0
"""Where Trunkline keeps what it can make again."""

from __future__ import annotations

import functools
import os
import stat
import tempfile
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return the folder for trunks and features; it need not exist.

    Returns:
        ``TRUNKLINE_CACHE``; else ``trunkline`` in ``XDG_CACHE_HOME``, which counts only where it is
        absolute (XDG Base Directory Specification 0.8); else ``~/.cache/trunkline``. A user without
        a home, as in some containers, gets a folder among the temporary files: always the same one,
        unless somebody else has taken its name.
    """
    if own := os.environ.get("TRUNKLINE_CACHE"):
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():
        return Path(base, "trunkline")
    try:
        return Path.home() / ".cache" / "trunkline"
    except RuntimeError:
        return _temporary()


@functools.cache
def _temporary() -> Path:
    folder = Path(tempfile.gettempdir(), f"trunkline-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:  # there is a file of that name
        return Path(tempfile.mkdtemp(prefix="trunkline-"))
    return folder if _is_ours_alone(folder) else Path(tempfile.mkdtemp(prefix="trunkline-"))


def _is_ours_alone(folder: Path) -> bool:
    """Return whether nobody else may put anything there: anyone may make names in ``/tmp``."""
    found = folder.lstat()
    ours = found.st_uid == os.getuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return ours and stat.S_ISDIR(found.st_mode)
