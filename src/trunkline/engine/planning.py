# SPDX-License-Identifier: Apache-2.0
"""From models to a plan: what is new is compiled, what is already there is taken over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from trunkline.decoding import ClassificationDecoder
from trunkline.engine.compiled import CompiledGraph, Optimise
from trunkline.engine.packed import PackedHeads
from trunkline.engine.plan import Entry, PackKey, Part, Plan
from trunkline.errors import ModelNameError, UnsupportedExportError
from trunkline.exports.reading import Known
from trunkline.exports.templates import make_template
from trunkline.graphs.cutting import cut
from trunkline.graphs.identity import input_identity
from trunkline.graphs.merging import Outline, Tensor, outline
from trunkline.graphs.sharing import split

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.exports.reading import Origin, Read
    from trunkline.exports.templates import HeadConstants
    from trunkline.graphs.heads import Activation, DenseHead
    from trunkline.models import Model

__all__ = ["Build", "Draft", "Workshop", "entry_of", "outline_of", "removing"]

Needs = tuple[Tensor, ...]

# A template is as large as the file; exporters wrote a network in two or three ways.
_MOST_TEMPLATES = 4


@dataclass(frozen=True, eq=False)
class Build:
    """A plan, and the networks it was made from, which the next one is made from.

    Attributes:
        plan: What frames are run through.
        networks: By the tensors they give, the different networks. Models whose heads are packed
            on one trunk are one network.
        known: Files by which more heads of a network are recognised, and where those are packed.
    """

    plan: Plan
    networks: Mapping[Needs, Outline]
    known: Mapping[Known, PackKey]

    @classmethod
    def empty(cls) -> Build:
        """Return the build of no models."""
        nothing: MappingProxyType[object, object] = MappingProxyType({})
        return cls(Plan(nothing, nothing, (), nothing), nothing, nothing)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes builds out of builds.

    Attributes:
        cores: How many cores the compiled graphs use.
        optimise: What they use them for.
    """

    cores: int
    optimise: Optimise

    def finish(self, draft: Draft, before: Build) -> Build:
        """Return the build that a draft describes, with everything new compiled and run once.

        Args:
            draft: The models to be in force.
            before: The build it was begun from; what it has compiled is taken over.

        Raises:
            UnsupportedExportError: A model's graph cannot be compiled, or does not run.
        """
        if draft.networks.keys() == before.networks.keys():
            return draft.build(before.plan.parts)
        try:
            build = draft.build(self._parts(draft.networks, before.plan.parts))
            # The first frame finds everything allocated, and what does not run is found now.
            build.plan.predict(_blank(build.plan.inputs.values()))
        except RuntimeError as error:
            raise _cannot_run(next(reversed(draft.entries.values())).model, error) from error
        return build

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


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a build while models are being added to it.

    Attributes:
        entries: By model name, the models.
        networks: By the tensors they give, the networks.
        known: Files by which more heads are recognised; it grows while models are added.
        packs: The packed heads.
    """

    entries: dict[str, Entry]
    networks: dict[Needs, Outline]
    known: dict[Known, PackKey]
    packs: dict[PackKey, PackedHeads]

    @classmethod
    def of(cls, build: Build) -> Draft:
        """Begin with the models of a build, which is left as it is."""
        plan = build.plan
        return cls(dict(plan.entries), dict(build.networks), dict(build.known), dict(plan.packs))

    def add(self, read: Read) -> None:
        """Add a model, read in full or as the head of a known network.

        Raises:
            ModelNameError: Its name is taken.
            UnsupportedExportError: Its graph cannot be brought into normal form.
        """
        self._check_free(read.model)
        if read.known and read.head:
            self._add_head(read.model, self.known[read.known], read.head)
            return
        found = outline_of(read.model)
        entry = entry_of(read.model, found)
        self.entries[read.model.name] = entry
        self.networks.setdefault(entry.needs, found)
        if entry.pack and found.head:
            self._pack(entry.pack, read.model.name, found.head.weights, found.head.bias)
            if read.origin:
                self._remember(entry.model, entry.pack, read.origin, found.head)

    def build(self, parts: tuple[Part, ...]) -> Build:
        """Return the build, with everything compiled that it needs."""
        plan = Plan(self.entries, _inputs(self.networks.values()), parts, self.packs)
        return Build(plan, self.networks, self.known)

    def _check_free(self, model: Model) -> None:
        if model.name in self.entries:
            other = self.entries[model.name].model
            raise ModelNameError(
                f"Two models are called {model.name!r}: {other.source} and {model.source}. "
                f"Give one another name: load(other={model.source!r}) in Python, "
                f"-m other={model.source} on the command line."
            )

    def _add_head(self, model: Model, key: PackKey, head: HeadConstants) -> None:
        self.entries[model.name] = Entry(model, (key.features,), key)
        self._pack(key, model.name, head.weights.T, head.bias)

    def _pack(
        self, key: PackKey, name: str, weights: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> None:
        heads = self.packs.get(key) or PackedHeads(key.activation)
        self.packs[key] = heads.adding(name, weights, bias)

    def _remember(self, model: Model, key: PackKey, origin: Origin, head: DenseHead) -> None:
        """Keep the file's bytes around its head, so that the next such file is recognised."""
        if list(self.known.values()).count(key) >= _MOST_TEMPLATES:
            return
        template = make_template(origin.data, head.weights.T, head.bias)
        if template is not None:
            self.known[Known(model, replace(origin, data=b""), template)] = key


def removing(build: Build, names: Collection[str]) -> Build:
    """Return a build without some models.

    Nothing is compiled, and what only they used is let go.
    """
    plan = build.plan
    entries = {name: entry for name, entry in plan.entries.items() if name not in names}
    left = {entry.needs for entry in entries.values()}
    networks = {needs: outline for needs, outline in build.networks.items() if needs in left}
    packs = {
        key: heads.without(names) if set(names) & set(heads.names) else heads
        for key, heads in plan.packs.items()
        if not set(heads.names) <= set(names)
    }
    known = {file: key for file, key in build.known.items() if (key.features,) in left}
    parts = tuple(_still_used(plan.parts, left))
    return Build(Plan(entries, _inputs(networks.values()), parts, packs), networks, known)


def _still_used(parts: Sequence[Part], left: Iterable[Needs]) -> list[Part]:
    wanted = {tensor for needs in left for tensor in needs}
    kept = []
    for part in reversed(parts):
        if wanted.intersection(part.segment.gives):
            wanted.update(part.segment.takes)
            kept.append(part)
    return kept[::-1]


def outline_of(model: Model) -> Outline:
    """Bring a model's graph into normal form; nothing is compiled.

    Raises:
        UnsupportedExportError: It cannot be, or the model comes out of a model set.
    """
    if model.graph is None:
        raise UnsupportedExportError(
            model.source,
            f"model {model.name!r} comes out of a model set and has no graph. Load it again.",
        )
    try:
        return outline(model.graph, model.contract)
    except RuntimeError as error:
        raise _cannot_run(model, error) from error


def entry_of(model: Model, found: Outline) -> Entry:
    """Decide how a model's head is run: packed, or compiled."""
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
