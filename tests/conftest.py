# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Machines are shared: how long an example takes says nothing.
hypothesis.settings.register_profile("unhurried", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real exports and labelled pictures, which the project does not carry."""
    folder = Path(os.environ.get("TRUNKLINE_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "models").is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{folder} has no models, and in CI nothing may be skipped")
        pytest.skip(f"the real exports are not at {folder}; set TRUNKLINE_SHARED to where they are")
    return folder
