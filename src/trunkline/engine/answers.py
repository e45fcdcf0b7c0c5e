# SPDX-License-Identifier: Apache-2.0
"""Every model's answer for one frame."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trunkline.errors import ModelNameError
from trunkline.predictions import Classification, Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trunkline.engine.packed import PackedAnswers

__all__ = ["Answers", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model's answer is among those of its pack.

    Attributes:
        pack: Which pack.
        rank: Which head of the pack.
        task: What the answer will be.
        labels: What they are the probabilities of.
    """

    pack: int
    rank: int
    task: Literal["multiclass", "multilabel"]
    labels: tuple[str, ...]


class Answers(Mapping[str, Prediction]):
    """Every model's prediction for one frame, by model name, in the order of the model set.

    A mapping. What packed heads answered is taken out of their matrix when it is looked at, so
    that a thousand models cost little more than one.

    Args:
        made: The predictions of compiled heads.
        places: For every model, where its packed answer is; None for a compiled head.
        packed: What the packs answered.
    """

    __slots__ = ("_made", "_packed", "_places")

    def __init__(
        self,
        made: Mapping[str, Prediction],
        places: Mapping[str, Place | None],
        packed: Sequence[PackedAnswers],
    ) -> None:
        self._made = made
        self._places = places
        self._packed = packed

    def __getitem__(self, name: str) -> Prediction:
        try:
            place = self._places[name]
        except KeyError:
            known = ", ".join(self) or "none"
            raise ModelNameError(f"No model called {name!r} answered. Answered: {known}.") from None
        return self._made[name] if place is None else _taken_out(place, self._packed[place.pack])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"<Answers of {len(self)}: {', '.join(self)}>"

    def items(self) -> ItemsView[str, Prediction]:
        """Return every model's name and prediction."""
        return _Items(self)

    def values(self) -> ValuesView[Prediction]:
        """Return every model's prediction."""
        return _Values(self)

    def in_turn(self) -> Iterator[tuple[str, Prediction]]:
        """Yield every model's name and prediction, looking nothing up by name."""
        packed = self._packed
        for name, place in self._places.items():
            if place is None:
                yield name, self._made[name]
            else:
                yield name, _taken_out(place, packed[place.pack])


class _Items(ItemsView[str, Prediction]):
    _mapping: Answers

    def __iter__(self) -> Iterator[tuple[str, Prediction]]:
        return self._mapping.in_turn()


class _Values(ValuesView[Prediction]):
    _mapping: Answers

    def __iter__(self) -> Iterator[Prediction]:
        for _, prediction in self._mapping.in_turn():
            yield prediction


class _Packed(Classification):
    """A classification that looks up what it is asked for.

    A frozen dataclass takes a microsecond to make, and a thousand of them as long as the heads
    of all thousand models. This one notes two things, and is otherwise the same.
    """

    __slots__ = ("_answers", "_place")

    _answers: PackedAnswers
    _place: Place

    def __new__(cls, *arguments: object, **named: object) -> Classification:  # type: ignore[misc]
        """Make a plain classification: what copies an answer means one with values of its own."""
        return Classification(*arguments, **named)  # type: ignore[arg-type]

    # Nothing that has a name for others can be set, for those are properties. Only with both of
    # these does Python set the two that can be as fast as those of any class.
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__

    def __reduce__(self) -> tuple[type[Classification], tuple[object, ...]]:
        return Classification, (self.task, self.labels, self.probabilities)

    def __repr__(self) -> str:
        return repr(Classification(self.task, self.labels, self.probabilities))

    @property
    def task(self) -> Literal["multiclass", "multilabel"]:
        return self._place.task

    @property
    def labels(self) -> tuple[str, ...]:
        return self._place.labels

    @property
    def probabilities(self) -> NDArray[np.float32]:
        start = self._answers.starts[self._place.rank]
        return self._answers.probabilities[start : start + len(self._place.labels)]

    @property
    def _top(self) -> int:
        return -1  # a copy with other labels or probabilities has another

    @property
    def label(self) -> str:
        return self._answers.labels[self._place.rank]

    @property
    def probability(self) -> float:
        return self._answers.greatest[self._place.rank]


def _taken_out(place: Place, answers: PackedAnswers) -> _Packed:
    taken = _make(_Packed)
    taken._answers = answers  # noqa: SLF001 - this is its constructor
    taken._place = place  # noqa: SLF001
    return taken


_make = object.__new__
