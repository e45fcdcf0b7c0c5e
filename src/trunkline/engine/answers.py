# SPDX-License-Identifier: Apache-2.0
"""Every model's answer for one frame."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, cast

from trunkline.errors import ModelNameError
from trunkline.predictions import Classification, Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trunkline.decoding import ClassificationDecoder
    from trunkline.engine.packed import PackedAnswers
    from trunkline.engine.plan import Entry
    from trunkline.models import Model

__all__ = ["COMPILED", "Answers", "Places"]

COMPILED: Final = -1
"""In the place of a number: the model's head is compiled, not packed."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where each model's answer is; worked out when the models change, for all frames.

    Attributes:
        entries: The models, by name.
        numbers: For every model that answers, in their order, the number of its packed head, or
            ``COMPILED``.
        starts: By that number, where the head's probabilities start.
    """

    entries: Mapping[str, Entry]
    numbers: Mapping[str, int]
    starts: NDArray[np.intp]

    def model(self, name: str) -> Model:
        """Return a model by its name."""
        return self.entries[name].model

    def rows(self, name: str) -> slice:
        """Return where a packed head's probabilities are among all."""
        start = self.starts[self.numbers[name]]
        return slice(start, start + len(self.model(name).labels))


class Answers(Mapping[str, Prediction]):
    """Every model's prediction for one frame, by model name, in the order of the model set.

    A mapping. What packed heads answered is taken out of their matrix when it is looked at, so
    that a thousand models cost little more than one.

    Args:
        made: The predictions of compiled heads.
        places: For every model, where its packed answer is.
        packed: What the packs answered.
    """

    __slots__ = ("_made", "_packed", "_places")

    def __init__(
        self, made: Mapping[str, Prediction], places: Places, packed: PackedAnswers
    ) -> None:
        self._made = made
        self._places = places
        self._packed = packed

    def __getitem__(self, name: str) -> Prediction:
        try:
            number = self._places.numbers[name]
        except KeyError:
            known = ", ".join(self) or "none"
            raise ModelNameError(f"No model called {name!r} answered. Answered: {known}.") from None
        return self._made[name] if number == COMPILED else self._taken_out(name, number)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places.numbers)

    def __len__(self) -> int:
        return len(self._places.numbers)

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
        # As _taken_out does it, but without a call for each of a thousand models. A frame leaves
        # little of all this in the processor's cache. Copying names and numbers fetches them at
        # once; a loop over the mapping itself waits for each, which takes twice as long in all.
        numbers = self._places.numbers
        labels, greatest = self._packed.labels, self._packed.greatest
        make = _make
        for name, number in zip(list(numbers), list(numbers.values()), strict=True):
            if number < 0:
                yield name, self._made[name]
                continue
            taken = make(_Packed)
            taken._answers = self  # noqa: SLF001
            taken._name = name  # noqa: SLF001
            taken._label = labels[number]  # noqa: SLF001
            taken._probability = greatest[number]  # noqa: SLF001
            yield name, taken

    def probabilities(self, name: str) -> NDArray[np.float32]:
        """Return a packed head's probabilities: float32 of shape (labels,), read-only."""
        return self._packed.probabilities[self._places.rows(name)]

    def model(self, name: str) -> Model:
        """Return the model that gave an answer."""
        return self._places.model(name)

    def _taken_out(self, name: str, number: int) -> _Packed:
        taken = _make(_Packed)
        taken._answers = self  # noqa: SLF001 - this is its constructor
        taken._name = name  # noqa: SLF001
        taken._label = self._packed.labels[number]  # noqa: SLF001
        taken._probability = self._packed.greatest[number]  # noqa: SLF001
        return taken


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
    """A classification that looks up what it is rarely asked for.

    A frozen dataclass takes a microsecond to make, and a thousand of them as long as the heads
    of all thousand models. This one notes four things that are at hand, and is otherwise the same.
    """

    __slots__ = ("_answers", "_label", "_name", "_probability")

    _answers: Answers
    _name: str
    _label: str
    _probability: float

    def __new__(cls, *arguments: object, **named: object) -> Classification:  # type: ignore[misc]
        """Make a plain classification: what copies an answer means one with values of its own."""
        return Classification(*arguments, **named)  # type: ignore[arg-type]

    # Nothing that has a name for others can be set, for those are properties. Only with both of
    # these does Python set the four that can be as fast as those of any class.
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__

    # Every program reads these two of every answer, and a getter written in Python is a call.
    label = property(attrgetter("_label"))
    probability = property(attrgetter("_probability"))

    def __reduce__(self) -> tuple[type[Classification], tuple[object, ...]]:
        return Classification, (self.task, self.labels, self.probabilities)

    def __repr__(self) -> str:
        return repr(Classification(self.task, self.labels, self.probabilities))

    @property
    def task(self) -> Literal["multiclass", "multilabel"]:
        return cast("ClassificationDecoder", self._answers.model(self._name).decoder).task

    @property
    def labels(self) -> tuple[str, ...]:
        return self._answers.model(self._name).labels

    @property
    def probabilities(self) -> NDArray[np.float32]:
        return self._answers.probabilities(self._name)

    @property
    def _top(self) -> int:
        return -1  # a copy with other labels or probabilities has another


_make = object.__new__
