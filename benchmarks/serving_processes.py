# SPDX-License-Identifier: Apache-2.0
"""Servers as processes: started, timed until they answer, weighed, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from serving_load import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from serving_load import Answer

__all__ = ["Running", "StartError", "free_ports", "tree"]

_START_SECONDS, _END_SECONDS, _POLL_SECONDS = 90.0, 10.0, 0.02
_PROC = Path("/proc")


class StartError(RuntimeError):
    """A server did not come up."""


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Running:
    """Processes that together are one server.

    Args:
        commands: What each runs, and what it finds in its environment beside this one's.
        folder: Where they run; an empty one.
    """

    def __init__(
        self, commands: Sequence[tuple[Sequence[str], Mapping[str, str]]], folder: Path
    ) -> None:
        self._log = folder / "server.log"
        self._begun = time.perf_counter()
        with self._log.open("wb") as log:
            self._processes = [
                subprocess.Popen(
                    command,
                    cwd=folder,
                    env={**os.environ, **variables},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                for command, variables in commands
            ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def first_answers(self, calls: Sequence[tuple[int, bytes]]) -> tuple[float, list[Answer]]:
        """Ask until all calls are answered, one after another.

        Returns:
            Seconds since just before the first process was started, and the answers.

        Raises:
            StartError: A process ended, or nothing answered for minutes; the message ends with
                what they wrote.
        """
        answers = [self._first_answer(call) for call in calls]
        return time.perf_counter() - self._begun, answers

    def _first_answer(self, call: tuple[int, bytes]) -> Answer:
        while time.perf_counter() - self._begun < _START_SECONDS:
            if any(process.poll() is not None for process in self._processes):
                break
            with contextlib.suppress(OSError), contextlib.closing(Client([call])) as client:
                (answer,) = client.ask()
                if answer.status == 200:
                    return answer
            time.sleep(_POLL_SECONDS)
        raise StartError(f"nothing answers: {self._last_words()}")

    def memory(self) -> float:
        """Return the memory of all processes and their children, in MiB.

        It is the sum of Linux's ``Pss``, which counts a page that processes share once in all.
        """
        return sum(map(_proportional, self._tree())) / 1024

    def stop(self) -> None:
        """End the processes and their children."""
        everyone = self._tree()
        for process in self._processes:
            process.terminate()
        end = time.perf_counter() + _END_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.perf_counter()))
        for process in everyone & _all_processes().keys():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in self._processes:
            process.wait()

    def _tree(self) -> set[int]:
        return tree({process.pid for process in self._processes}, _all_processes())

    def _last_words(self) -> str:
        return self._log.read_text("utf-8", errors="replace")[-1000:]


def tree(roots: set[int], parents: Mapping[int, int]) -> set[int]:
    """Return processes and all that come from them.

    Args:
        roots: Processes' numbers.
        parents: Each living process's parent.
    """
    found = set(roots)
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _all_processes() -> dict[int, int]:
    """Return every process's parent."""
    parents = {}
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                # The name, in parentheses, may hold spaces and parentheses.
                rest = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
                parents[int(folder.name)] = int(rest[1])
    return parents


def _proportional(process: int) -> int:
    """Return a process's share of memory in KiB."""
    with contextlib.suppress(OSError):
        for line in (_PROC / str(process) / "smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
