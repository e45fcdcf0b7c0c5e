# SPDX-License-Identifier: Apache-2.0
"""Every model's answer for one picture, and the forms it is written in.

A writer takes answers one by one, as they come. ``trunkline predict`` has three: a table for
people, lines of JSON for programs, and a CSV file.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import click

from trunkline.cli.faults import complain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.errors import PictureError
    from trunkline.predictions import Prediction

__all__ = ["Answer", "Complaints", "JsonLines", "Writer", "json_line"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one picture.

    Attributes:
        frame: The picture's path, as it was found; ``"-"`` for standard input.
        predictions: By model name; empty where the picture could not be read.
        error: Why the picture could not be read, if so.
    """

    frame: str
    predictions: Mapping[str, Prediction] = field(default_factory=lambda: MappingProxyType({}))
    error: PictureError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: ``frame`` with ``predictions``, or with ``error``."""
        if self.error:
            return {"frame": self.frame, "error": str(self.error)}
        answers = {name: answer.to_dict() for name, answer in self.predictions.items()}
        return {"frame": self.frame, "predictions": answers}


class Writer(Protocol):
    """Writes answers somewhere."""

    def write(self, answer: Answer) -> None:
        """Write one answer."""
        ...


class JsonLines:
    """Writes one JSON object per picture and line on standard output, each at once."""

    def write(self, answer: Answer) -> None:
        """Write one line; a picture that could not be read is a line too."""
        click.echo(json_line(answer.to_dict()))


class Complaints:
    """Writes the pictures that could not be read on standard error, one line each."""

    def write(self, answer: Answer) -> None:
        """Write a line if there is an error."""
        if answer.error:
            complain(answer.error)


def json_line(value: Mapping[str, Any]) -> bytes:
    r"""Return a value as one line of JSON in UTF-8, without its line break.

    JSON knows no NaN: it becomes null. A file name that is not UTF-8 has its odd bytes written
    as ``\udcXX``, which Python's ``json.loads`` and ``os.fsencode`` turn back into the name.
    """
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
