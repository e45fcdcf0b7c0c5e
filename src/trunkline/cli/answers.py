# SPDX-License-Identifier: Apache-2.0
"""Every model's answer for one picture, and the forms it is written in.

A writer takes answers one by one, as they come. ``trunkline predict`` has three: a table for
people, lines of JSON for programs, and a CSV file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import click

from trunkline.cli.faults import complain
from trunkline.predictions import frame_values, json_line

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
        return frame_values(self.frame, self.predictions)


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
