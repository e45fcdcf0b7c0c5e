# SPDX-License-Identifier: Apache-2.0
"""Option types that several verbs have in common."""

from __future__ import annotations

import math
from typing import Any

import click

__all__ = ["Seconds"]

_A_DAY = 86_400


class Seconds(click.FloatRange):
    """A length of time: at least ``shortest`` seconds, and at most a day."""

    def __init__(self, shortest: float = 0) -> None:
        super().__init__(min=shortest, max=_A_DAY)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - the signature is click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number; NaN is in no range, which no comparison finds out."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self.min:g}<=x<={self.max:g}.", param, ctx)
        return number
