# SPDX-License-Identifier: Apache-2.0
"""When a model looks only if another has seen something."""

from __future__ import annotations

import re
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from trunkline.predictions import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.predictions import Prediction

__all__ = ["Condition", "looking_order"]

_WRITTEN = re.compile(r"\s*(?P<model>.+?)\s*:\s*(?P<label>.+?)\s*>\s*(?P<above>[\d.]+)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """That a model gives a label more than some probability.

    Attributes:
        model: The other model.
        label: One of its labels.
        above: A probability, 0 to 1, that must be exceeded.
    """

    model: str
    label: str
    above: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.above < 1:
            raise ValueError(f"a probability above {self.above:g} is impossible")

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read ``"MODEL: LABEL > 0.6"``.

        Raises:
            ValueError: It is not of this form.
        """
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not of the form MODEL: LABEL > 0.6")
        try:
            above = float(found["above"])
        except ValueError:
            raise ValueError(f"in {text!r}, {found['above']!r} is no number") from None
        return cls(found["model"], found["label"], above)

    def holds(self, answer: Prediction | None) -> bool:
        """Return whether an answer of the model fulfils it; no answer does not."""
        if answer is None:
            return False
        if isinstance(answer, Detection):
            return any(b.label == self.label and b.probability > self.above for b in answer.boxes)
        if self.label not in answer.labels:
            return False
        return float(answer.probabilities[answer.labels.index(self.label)]) > self.above


def looking_order(conditions: Mapping[str, Condition | None]) -> tuple[str, ...]:
    """Return models in an order in which each comes behind the one it waits for.

    Args:
        conditions: By the model that waits; None for one that does not.

    Raises:
        ValueError: Models wait for one another in a circle.
    """
    waits = {name: (c.model,) if c else () for name, c in conditions.items()}
    try:
        order = TopologicalSorter(waits).static_order()
        return tuple(name for name in order if name in conditions)
    except CycleError as error:
        circle = ", ".join(error.args[1])
        raise ValueError(f"these models wait for one another: {circle}") from error
