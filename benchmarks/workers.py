# SPDX-License-Identifier: Apache-2.0
"""Running fresh processes, timed from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Answers", "Run", "check_agreement", "run_worker", "start", "time_statements"]

Answers = Mapping[str, Mapping[str, float]]
"""Probabilities by label, by model."""

TOLERANCE = 1e-5
"""How far two sides' probabilities may be apart. A mean that one side forgot to subtract shows as
little as 6e-5 on an easy picture."""

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Run:
    """What one process did.

    Attributes:
        start_s: Seconds from just before the process was started to its first answers.
        frame_ms: Median milliseconds per frame, from the array to all answers.
        peak_mib: The most memory it had in use.
        answers: Its first answers.
    """

    start_s: float
    frame_ms: float
    peak_mib: float
    answers: Answers


def run_worker(name: str, count: int, models: Path, frames: int) -> Run:
    """Start a contender with its first ``count`` exports and wait for what it measures.

    Raises:
        RuntimeError: The process failed; the message ends with what it wrote.
    """
    options = ["--models-dir", str(models), "--frames", str(frames)]
    who = f"{name} with {count} models"
    start_s, first, rest = start(
        "start_and_predict.py", ["--worker", name, str(count), *options], who
    )
    return Run(start_s=start_s, answers=json.loads(first), **json.loads(rest))


def start(program: str, arguments: Sequence[str], who: str) -> tuple[float, str, str]:
    """Start a benchmark as a process of its own and wait until it ends.

    Args:
        program: The file, beside this one.
        arguments: Its arguments.
        who: What a message calls it.

    Returns:
        Seconds from just before the process was started to its first line, that line, and what
        it wrote after.

    Raises:
        RuntimeError: The process failed; the message ends with what it wrote.
    """
    command = [sys.executable, str(_HERE / program), *arguments]
    # A file, not a pipe: nobody reads while the first answers are waited for.
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            output = process.stdout
            assert output is not None
            first = output.readline()
            seconds = time.perf_counter() - started
            rest = output.read()
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{who} failed:\n{errors.read()[-2000:]}")
    return seconds, first, rest


def check_agreement(ours: Answers, theirs: Answers, who: str) -> float:
    """Compare two sides' answers for one picture, and return the largest difference.

    Args:
        ours: Trunkline's.
        theirs: The other side's.
        who: What messages call the other side.

    Raises:
        RuntimeError: Models or labels differ, a winner does, or a probability by more than
            ``TOLERANCE``. Figures of sides that do different work are worth nothing.
    """
    if {name: set(of) for name, of in ours.items()} != {n: set(of) for n, of in theirs.items()}:
        raise RuntimeError(f"{who} answers for other models or labels: {ours} and {theirs}")
    largest = 0.0
    for model, probabilities in ours.items():
        others = theirs[model]
        apart = max(abs(p - others[label]) for label, p in probabilities.items())
        if apart > TOLERANCE or _winner(probabilities) != _winner(others):
            raise RuntimeError(f"{who} disagrees on {model}: {dict(probabilities)}, {dict(others)}")
        largest = max(largest, apart)
    return largest


def _winner(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=probabilities.__getitem__)


def time_statements(statements: Sequence[str], repetitions: int) -> dict[str, list[float]]:
    """Return the seconds that fresh interpreters take for each statement, one after another.

    Args:
        statements: Python; they alternate, so that a slow minute falls on all of them.
        repetitions: How often each is run.
    """
    seconds: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(repetitions):
        for statement, took in seconds.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            took.append(time.perf_counter() - started)
    return seconds
