# SPDX-License-Identifier: Apache-2.0
"""Virtual environments of the servers that Trunkline is held against, each with its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["InstallError", "python_of", "versions_of"]

_DONE = "installed-for-the-benchmark.txt"


class InstallError(RuntimeError):
    """A server cannot be installed here."""


def python_of(folder: Path, requirements: Sequence[str]) -> Path:
    """Return the interpreter of an environment, which is made where it is not there yet.

    Args:
        folder: The environment's own. It is made anew where it was made for other requirements.
        requirements: What pip installs into it.

    Raises:
        InstallError: pip refused; the message ends with its last words.
    """
    python = folder / "bin" / "python"
    done, wanted = folder / _DONE, "\n".join(requirements)
    if done.is_file() and done.read_text("utf-8") == wanted:
        return python
    _call([sys.executable, "-m", "venv", "--clear", str(folder)])
    _call([str(python), "-m", "pip", "install", "--quiet", *requirements])
    done.write_text(wanted, "utf-8")
    return python


def versions_of(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages in an environment, by name."""
    statement = (
        "import sys; from importlib.metadata import version; "
        "print(*map(version, sys.argv[1:]), sep='\\n')"
    )
    return dict(
        zip(packages, _call([str(python), "-c", statement, *packages]).split(), strict=True)
    )


def _call(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(command)} failed: {done.stderr.strip()[-400:]}")
    return done.stdout
