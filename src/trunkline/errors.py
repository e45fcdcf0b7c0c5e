# SPDX-License-Identifier: Apache-2.0
"""Everything that Trunkline raises on purpose.

TrunklineError
├── ExportError               an export could not be read
│   └── UnsupportedExportError    it was read, and holds something Trunkline cannot run
├── PictureError              a picture could not be read
├── TrainingError             what was given cannot be trained on
├── ModelNameError            a model's name is unknown, or taken
└── MissingExtraError         an optional dependency is not installed

Every message is a sentence or two for the person who gave the input: what was wrong, in which
file, and what to do about it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ExportError",
    "MissingExtraError",
    "ModelNameError",
    "PictureError",
    "TrainingError",
    "TrunklineError",
    "UnsupportedExportError",
]


class TrunklineError(Exception):
    """The root of every exception that Trunkline raises on purpose."""


class _OfSource:
    """What an error has that is about something a person gave: its name, and what was wrong."""

    def __init__(self, source: str | Path, problem: str) -> None:
        # The arguments, not the sentence: an exception is pickled as its arguments. Whoever has
        # this mixed in is an exception, which takes any.
        super().__init__(str(source), problem)  # type: ignore[call-arg]
        self.source = str(source)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}"


class ExportError(_OfSource, TrunklineError):
    """An export could not be read.

    Args:
        source: The file, folder or zip that was at fault; the message names it.
        problem: What was wrong and what to do, as a sentence without the file's name.
    """


class UnsupportedExportError(ExportError):
    """An export is intact, and holds something that Trunkline cannot run."""


class PictureError(_OfSource, TrunklineError):
    """A picture could not be read.

    Args:
        source: Where the picture came from: a path, or a word such as ``bytes``.
        problem: What was wrong and what to do, as a sentence without the source's name.
    """


class TrainingError(_OfSource, TrunklineError):
    """What was given cannot be trained on: there are too few pictures or tags, or none were found.

    Args:
        source: The folder or file that was at fault; the message names it.
        problem: What was wrong and what to do, as a sentence without the source's name.
    """


class ModelNameError(TrunklineError, KeyError):
    """A model's name is unknown to a model set, or already taken in it.

    It is a KeyError because a model set is a mapping.
    """

    # A KeyError would show its sentence in quotes.
    __str__ = Exception.__str__


class MissingExtraError(TrunklineError, ImportError):
    """An optional dependency is not installed.

    Args:
        what: What needs it, as the subject of a sentence.
        package: The package that is missing.
        extra: The extra of ``trunkline`` that brings it.
    """

    def __init__(self, what: str, *, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package}, which is not installed. "
            f"Install it with: pip install 'trunkline[{extra}]'",
            name=package,
        )
        self.what = what
        self.package = package
        self.extra = extra

    def __reduce__(self) -> tuple[partial[MissingExtraError], tuple[str]]:
        return partial(MissingExtraError, package=self.package, extra=self.extra), (self.what,)
