# SPDX-License-Identifier: Apache-2.0
"""Running the command as a person would: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["environment", "lines", "trunkline"]

Done = subprocess.CompletedProcess[bytes]


def environment() -> dict[str, str]:
    """Return this process's environment without what changes the command's output."""
    unwanted = {"TRUNKLINE_DEBUG", "NO_COLOR", "FORCE_COLOR", "COLUMNS"}
    return {key: value for key, value in os.environ.items() if key not in unwanted}


def trunkline(*arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"") -> Done:
    """Run ``trunkline`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "trunkline", *map(str, arguments)],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(),
        input=stdin,
        timeout=300,
    )


def lines(done: Done) -> list[dict[str, Any]]:
    """Return the lines of JSON on standard output."""
    return [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
