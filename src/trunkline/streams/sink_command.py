# SPDX-License-Identifier: Apache-2.0
"""The sink ``command:...``: a command is run for every event, without a shell."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError
from trunkline.streams.queues import DeliveryError, QueuedSink
from trunkline.streams.records import event_values

if TYPE_CHECKING:
    from trunkline.streams.frames import Event, Sight

__all__ = ["Command"]

_SIZE = 256
_AT_ONCE = 4
_SECONDS = 30.0

_PLACEHOLDER = re.compile(r"\{(stream|model|label|state|probability)\}")
_SHELLS = frozenset({"ash", "bash", "dash", "fish", "ksh", "sh", "zsh"})


class Command(QueuedSink["Event"]):
    """Runs a command per event, at most four at once.

    The text is split as a shell would, then ``{stream}``, ``{model}``, ``{label}``, ``{state}`` and
    ``{probability}`` are replaced within each argument. The same are in the environment as
    ``TRUNKLINE_STREAM`` and so on, with ``TRUNKLINE_TIME`` and ``TRUNKLINE_NUMBER``. What the
    command prints goes to standard error. A label that begins with ``-`` can look like an option:
    write ``--label={label}`` where the program is particular.

    Args:
        text: The command.
        size: The most events that wait.
        seconds: How long one run may take; then it and its children are killed.

    Raises:
        TrunklineError: There is no such program, or a label could choose what is run.
    """

    def __init__(self, text: str, *, size: int = _SIZE, seconds: float = _SECONDS) -> None:
        self._arguments = _split(text)
        self._program = Path(self._arguments[0]).name
        super().__init__(f"command {self._program}", size=size, threads=_AT_ONCE)
        self._seconds = seconds
        self._running: set[subprocess.Popen[bytes]] = set()
        self._changing = threading.Lock()
        self._start()

    def _items(self, sight: Sight) -> tuple[Event, ...]:
        return sight.events

    def _deliver(self, item: Event) -> None:
        process = self._spawn(_texts(item))
        try:
            status = process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            process.wait()
            raise DeliveryError(
                f"The command {self._program} took longer than {self._seconds:g} s and was stopped."
            ) from None
        finally:
            with self._changing:
                self._running.discard(process)
        if status:
            raise DeliveryError(f"The command {self._program} ended with status {status}.")

    def _spawn(self, texts: dict[str, str]) -> subprocess.Popen[bytes]:
        environment = os.environb | {
            f"TRUNKLINE_{key.upper()}".encode(): _bytes(value) for key, value in texts.items()
        }
        arguments = [_bytes(_filled(argument, texts)) for argument in self._arguments]
        # Under the lock, that none begins after those that run were killed.
        with self._changing:
            if self._abandoned.is_set():
                raise DeliveryError(f"The command {self._program} was not run any more.")
            try:
                process = subprocess.Popen(  # noqa: S603 - the user's own command
                    arguments,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=2,  # standard output may be lines of JSON
                    start_new_session=True,
                )
            except OSError as error:
                problem = f"The command {self._program} cannot be run: {error.strerror}."
                raise DeliveryError(problem) from error
            self._running.add(process)
            return process

    def _interrupt(self) -> None:
        with self._changing:
            for process in self._running:
                _kill(process)


def _split(text: str) -> list[str]:
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise TrunklineError("The command has a quote that is not closed.") from error
    if not arguments:
        raise TrunklineError("The command is empty.")
    if _PLACEHOLDER.search(arguments[0]):
        raise TrunklineError("The command's program cannot be a placeholder.")
    if shutil.which(arguments[0]) is None:
        raise TrunklineError(f"There is no program {arguments[0]!r} that could be run.")
    _refuse_scripts(arguments)
    return arguments


def _refuse_scripts(arguments: list[str]) -> None:
    """Refuse ``sh -c 'echo {label}'``, where a downloaded model's label would be run as code."""
    if Path(arguments[0]).name not in _SHELLS:
        return
    for option, script in pairwise(arguments):
        if re.fullmatch(r"-\w*c", option) and _PLACEHOLDER.search(script):
            raise TrunklineError(
                "A shell would run a label as code. "
                'Write "$TRUNKLINE_LABEL" in place of {label}, and so on.'
            )


def _texts(event: Event) -> dict[str, str]:
    values = event_values(event)
    values["stream"] = values.pop("source")
    return {key: str(value) for key, value in values.items()}


def _filled(argument: str, texts: dict[str, str]) -> str:
    """Replace placeholders, once: a label that looks like one stays as it is."""
    return _PLACEHOLDER.sub(lambda match: texts[match[1]], argument)


def _bytes(text: str) -> bytes:
    """Return what a program can be given; no text can be passed on with a NUL in it."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
