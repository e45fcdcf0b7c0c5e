# SPDX-License-Identifier: Apache-2.0
"""A server as people start it, watched from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ServerProcess"]

_LONGEST_START = 120.0
_LONGEST_END = 60.0


class ServerProcess:
    """``trunkline serve`` on a free port of this machine, as a process of its own.

    Args:
        folder: Empty; the home, the working folder and the place of the log.
        models: Exports to load.
        settings: By the environment's names, without ``TRUNKLINE_``.
    """

    def __init__(
        self, folder: Path, models: Sequence[Path], settings: Mapping[str, object]
    ) -> None:
        clean = {key: value for key, value in os.environ.items() if "TRUNKLINE_" not in key}
        given = {f"TRUNKLINE_{name}": str(value) for name, value in settings.items()}
        options = ("--port", "0", "--grpc-port", "off", "--log-format", "json")
        self._log, self._said = folder / "log", folder / "said"
        with self._log.open("wb") as log, self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "trunkline", "serve", *options, *map(str, models)],
                cwd=folder,
                env={**clean, "HOME": str(folder), "XDG_CONFIG_HOME": "", **given},
                stdout=said,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def ready(self) -> tuple[str, int]:
        """Wait until it says where it listens; return host and port."""
        end = time.monotonic() + _LONGEST_START
        while time.monotonic() < end and self._process.poll() is None:
            if found := re.search(r"http://([\d.]+):(\d+)", self._said.read_text("utf-8")):
                return found[1], int(found[2])
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {self._log.read_text('utf-8')}")

    def resident(self) -> float:
        """Return the MiB of memory that it has in use."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kib) / 1024

    def terminate(self) -> None:
        """Ask it to stop, as ``kill -TERM`` does."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Wait until it ends; return its exit status."""
        return self._process.wait(_LONGEST_END)

    def log(self) -> list[dict[str, Any]]:
        """Return the events of its log so far."""
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]
