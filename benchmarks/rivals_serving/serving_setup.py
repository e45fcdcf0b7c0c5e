# SPDX-License-Identifier: Apache-2.0
"""What the benchmark asks of a server that it starts."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["VARIABLE", "Setup"]

VARIABLE = "SERVING_SETUP"


@dataclass(frozen=True, slots=True)
class Setup:
    """Exports and how to serve them.

    Attributes:
        folders: The exports.
        ports: Free ones on the loopback address.
        workers: How many requests are answered side by side, with an equal share of the cores.
    """

    folders: tuple[Path, ...]
    ports: tuple[int, ...]
    workers: int

    @classmethod
    def given(cls) -> Setup:
        """Read it from the environment, which reaches a server's own worker processes too."""
        values = json.loads(os.environ[VARIABLE])
        folders = tuple(Path(folder) for folder in values["folders"])
        return cls(folders, tuple(values["ports"]), values["workers"])
