# SPDX-License-Identifier: Apache-2.0
"""From models to a plan: what is new is compiled, what is already there is taken over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from trunkline.decoding import ClassificationDecoder
from trunkline.engine.compiled import CompiledGraph, Optimise
from trunkline.engine.packed import PackedHeads
from trunkline.engine.plan import Entry, PackKey, Part, Plan
from trunkline.errors import UnsupportedExportError
from trunkline.graphs.cutting import cut
from trunkline.graphs.identity import input_identity
from trunkline.graphs.merging import Outline, Tensor, outline
from trunkline.graphs.sharing import split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.graphs.heads import Activation
    from trunkline.models import Model

__all__ = ["Build", "Workshop", "removing"]

Needs = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Build:
    """A plan, and the networks it was made from, which the next one is made from.

    Attributes:
        plan: What frames are run through.
        networks: By the tensors they give, the different networks. Models whose heads are packed
            on one trunk are one network.
    """

    plan: Plan
    networks: Mapping[Needs, Outline]

    @classmethod
    def empty(cls) -> Build:
        """Return the build of no models."""
        nothing: MappingProxyType[object, object] = MappingProxyType({})
        return cls(Plan(nothing, nothing, (), nothing), nothing)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes builds out of builds.

    Attributes:
        cores: How many cores the compiled graphs use.
        optimise: What they use them for.
    """

    cores: int
    optimise: Optimise

    def adding(self, build: Build, models: Iterable[Model]) -> Build:
        """Return a build with more models; ``build`` is left as it is.

        Raises:
            UnsupportedExportError: A model's graph cannot be compiled, or does not run.
        """
        entries, networks, packs = (
            dict(build.plan.entries), dict(build.networks), dict(build.plan.packs),
        )  # fmt: skip
        model = None
        for model in models:
            found = _outline(model)
            entry = _entry(model, found)
            entries[model.name] = entry
            networks.setdefault(entry.needs, found)
            if entry.pack and found.head:
                heads = packs.get(entry.pack) or PackedHeads(entry.pack.activation)
                packs[entry.pack] = heads.adding(model.name, found.head)
        try:
            parts = self._parts(networks, build.plan.parts)
            plan = Plan(entries, _inputs(networks.values()), parts, packs)
            if parts != build.plan.parts:
                plan.predict(_blank(plan.inputs.values()))
        except RuntimeError as error:
            if model is None:
                raise
            raise _cannot_run(model, error) from error
        return Build(plan, networks)

    def _parts(self, networks: Mapping[Needs, Outline], old: Sequence[Part]) -> tuple[Part, ...]:
        steps = {identity: step for o in networks.values() for identity, step in o.steps.items()}
        outlines = list(networks.values())
        there = {(part.segment.takes, part.segment.gives): part.graph for part in old}
        parts = []
        for segment in split(list(networks), steps):
            graph = there.get((segment.takes, segment.gives))
            if graph is None:
                whole = outlines[segment.users[0]]
                own = cut(whole.graph, whole.names, segment.takes, segment.gives)
                graph = CompiledGraph(own, self.cores, self.optimise)
            parts.append(Part(segment, graph))
        return tuple(parts)


def removing(build: Build, names: Collection[str]) -> Build:
    """Return a build without some models. Nothing is compiled, and what only they used is let go."""
    plan = build.plan
    entries = {name: entry for name, entry in plan.entries.items() if name not in names}
    left = {entry.needs for entry in entries.values()}
    networks = {needs: outline for needs, outline in build.networks.items() if needs in left}
    packs = {
        key: heads.without(names) if set(names) & set(heads.names) else heads
        for key, heads in plan.packs.items()
        if not set(heads.names) <= set(names)
    }
    parts = tuple(_still_used(plan.parts, left))
    return Build(Plan(entries, _inputs(networks.values()), parts, packs), networks)


def _still_used(parts: Sequence[Part], left: Iterable[Needs]) -> list[Part]:
    wanted = {tensor for needs in left for tensor in needs}
    kept = []
    for part in reversed(parts):
        if wanted.intersection(part.segment.gives):
            wanted.update(part.segment.takes)
            kept.append(part)
    return kept[::-1]


def _outline(model: Model) -> Outline:
    if model.graph is None:
        raise UnsupportedExportError(
            model.source,
            f"model {model.name!r} comes out of a model set and has no graph. Load it again.",
        )
    try:
        return outline(model.graph, model.contract)
    except RuntimeError as error:
        raise _cannot_run(model, error) from error


def _entry(model: Model, found: Outline) -> Entry:
    light = replace(model, graph=None)
    activation = _activation(model, found)
    if activation is None or found.features is None:
        return Entry(light, found.outputs, None)
    return Entry(light, (found.features,), PackKey(found.features, activation))


def _activation(model: Model, found: Outline) -> Activation | None:
    """Return how a model's dense head ends, in the graph or behind it; None for any other head."""
    if found.head is None or not isinstance(model.decoder, ClassificationDecoder):
        return None
    ends = {found.head.activation, model.decoder.activation} - {"none"}
    return None if len(ends) > 1 else next(iter(ends), "none")


def _inputs(networks: Iterable[Outline]) -> dict[Tensor, InputContract]:
    return {Tensor(input_identity(o.contract), 0): o.contract for o in networks}


def _blank(contracts: Iterable[InputContract]) -> NDArray[np.uint8]:
    """Return a picture on which no preset has much to do."""
    sides = [(c.height, c.width) for c in contracts] or [(1, 1)]
    return np.zeros((*max(sides), 3), np.uint8)


def _cannot_run(model: Model, error: RuntimeError) -> UnsupportedExportError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["RuntimeError"]
    return UnsupportedExportError(
        model.source,
        f"its graph cannot be run on this machine ({lines[-1][:300]}). If another program runs "
        "it, please report it.",
    )
