# SPDX-License-Identifier: Apache-2.0
"""What was wrong with a picture that was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.errors import PictureError

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was left out of the training, which went on without it.

    Attributes:
        source: The picture, folder or line of a table, as the person knows it.
        what: What was wrong and what to do, as a clause without the source's name.
    """

    source: str
    what: str

    @classmethod
    def of(cls, error: PictureError, source: str) -> Problem:
        """Tell of a picture that could not be read."""
        return cls(source, error.problem)

    def __str__(self) -> str:
        return f"{self.source}: {self.what}"
