# SPDX-License-Identifier: Apache-2.0
"""Where Trunkline keeps what it can make again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return the folder for trunks and features; it need not exist.

    Returns:
        ``TRUNKLINE_CACHE``; else ``trunkline`` in ``XDG_CACHE_HOME``, which counts only where it is
        absolute (XDG Base Directory Specification 0.8); else ``~/.cache/trunkline``. A user without
        a home, as in some containers, gets a folder among the temporary files.
    """
    if own := os.environ.get("TRUNKLINE_CACHE"):
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():
        return Path(base, "trunkline")
    try:
        return Path.home() / ".cache" / "trunkline"
    except RuntimeError:
        return Path(tempfile.gettempdir(), f"trunkline-{os.getuid()}")
