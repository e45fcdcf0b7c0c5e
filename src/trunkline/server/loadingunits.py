# SPDX-License-Identifier: Apache-2.0
"""Units into a model set, out of it, and other files in the place of loaded ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from trunkline.errors import ExportError, TrunklineError
from trunkline.server.unitreading import read_unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from trunkline.engine.modelset import ModelSet
    from trunkline.models import Model
    from trunkline.server.held import Held
    from trunkline.server.layout import Unit

__all__ = ["Loader"]

# Names that ModelSet.add and replace take for something else.
_RESERVED = {"self", "on_error"}


class Loader:
    """Puts units into a model set.

    Args:
        models: Where to.
    """

    def __init__(self, models: ModelSet) -> None:
        self._models = models

    def add(self, units: Collection[Held]) -> None:
        """Load units that are new, as many as there are in one step, and note how it went."""
        together = {held.unit.key: held for held in units if held.unit and _is_plain(held.unit)}
        if together:
            self._add_together(together)
        for held in units:
            if held.unit and held.unit.key not in together:
                self.update(held, held.unit)

    def update(self, held: Held, unit: Unit) -> None:
        """Bring the model set in step with what a unit holds now.

        What is broken now leaves in force what it was to replace.
        """
        contents = read_unit(unit)
        problems = [str(error) for _, error in contents.errors]
        broken = {name for name, _ in contents.errors}
        wanted = {n: model for n, model in contents.models.items() if n not in held.off}
        taken = {n for n in wanted if n in self._models and n not in held.names}
        problems += [_taken(name, unit, self._models) for name in sorted(taken)]
        names = set(held.names)
        for name, model in wanted.items():
            if name not in taken and (problem := self._put(name, model)) is None:
                names.add(name)
            elif name not in taken:
                problems.append(str(problem))
                broken.add(name)
        gone = set() if None in broken else names - wanted.keys() - broken
        if gone:
            self._models.remove(*gone)
        held.unit, held.names, held.waits = unit, frozenset(names - gone), frozenset(taken)
        held.problem = " ".join(problems)

    def drop(self, held: Held) -> None:
        """Unload the models of a unit that is gone."""
        if held.names:
            self._models.remove(*held.names)

    def _put(self, name: str, model: Model) -> TrunklineError | None:
        try:
            if name not in self._models:
                self._models.add(model)
            elif name in _RESERVED:
                self._models.remove(name)
                self._models.add(model)
            else:
                self._models.replace(**{name: model})
        except TrunklineError as error:
            return error
        return None

    def _add_together(self, units: Mapping[str, Held]) -> None:
        """Load many units at once: the model set is planned once, and likenesses are used."""
        known, before = len(self._models.failures), set(self._models)
        called = [held.unit for held in units.values() if held.unit]
        own = [unit.path for unit in called if not unit.fixed]
        given: dict[str, Any] = {unit.name: unit.path for unit in called if unit.fixed}
        self._models.add(*own, on_error="skip", **given)
        names: dict[str, set[str]] = {key: set() for key in units}
        problems: dict[str, list[str]] = {key: [] for key in units}
        for name, model in self._models.items():
            if name not in before and (key := _key_of(model.source, units)):
                names[key].add(name)
        for failure in self._models.failures[known:]:
            source = failure.source if isinstance(failure, ExportError) else ""
            if key := _key_of(source, units):
                problems[key].append(str(failure))
        for key, held in units.items():
            held.names, held.problem = frozenset(names[key]), " ".join(problems[key])
            if not held.names and not held.problem:
                unit = cast("Unit", held.unit)
                held.problem = _taken(unit.name, unit, self._models)
                held.waits = frozenset([unit.name])


def _is_plain(unit: Unit) -> bool:
    """Return whether the model set can read a unit as it is, and under its name."""
    return not unit.versions and unit.name not in _RESERVED


def _key_of(source: str, units: Mapping[str, Held]) -> str | None:
    """Return the unit that something was read from: itself, or something in it."""
    places: Iterable[str] = (source, *map(str, Path(source).parents))
    return next((place for place in places if place in units), None)


def _taken(name: str, unit: Unit, models: Mapping[str, Model]) -> str:
    other = f", from {models[name].source}" if name in models else ""
    return (
        f"{unit.path}: a model called {name!r} is loaded already{other}; give one of them another "
        f"name, as in other={unit.path}."
    )
