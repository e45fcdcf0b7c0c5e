# SPDX-License-Identifier: Apache-2.0
"""What the tests of benchmark programs share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def _importable():
    """Let tests import the benchmarks' modules, as the programs beside them do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield


@pytest.fixture
def run_program():
    """Run one of the programs, from outside."""

    def run(name, *arguments):
        command = [sys.executable, BENCHMARKS / name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run
