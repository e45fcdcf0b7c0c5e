# SPDX-License-Identifier: Apache-2.0
"""Every model's answer for one frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trunkline.predictions import Classification, Prediction

if TYPE_CHECKING:
    from trunkline.engine.packed import PackedAnswers
    from trunkline.engine.plan import PackedPlace, PackKey

__all__ = ["Answers"]


class Answers(Mapping[str, Prediction]):
    """Every model's prediction for one frame, by model name, in the order of the model set.

    A mapping. What packed heads answered is taken out of their matrix when it is asked for, so
    that a thousand models cost little where only some are looked at.
    """

    __slots__ = ("_made", "_packed", "_places")

    def __init__(
        self,
        made: dict[str, Prediction],
        places: Mapping[str, PackedPlace | None],
        packed: Mapping[PackKey, PackedAnswers],
    ) -> None:
        self._made = made
        self._places = places
        self._packed = packed

    def __getitem__(self, name: str) -> Prediction:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._take_out(name)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"<Answers of {', '.join(self)}>"

    def _take_out(self, name: str) -> Classification:
        place = self._places[name]
        if place is None:
            raise KeyError(name)
        answers = self._packed[place.pack]
        return Classification(
            place.task,
            place.labels,
            answers.probabilities[place.start : place.stop],
            answers.tops[place.rank],
        )
