# SPDX-License-Identifier: Apache-2.0
"""From models to a plan: what is new is compiled, what is already there is taken over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from trunkline.decoding import ClassificationDecoder
from trunkline.engine.compiled import CompiledGraph, Optimise
from trunkline.engine.plan import Entry, PackKey, Part, Plan
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.graphs.cutting import cut
from trunkline.graphs.identity import input_identity
from trunkline.graphs.merging import Outline, Tensor, outline
from trunkline.graphs.sharing import split
from trunkline.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.engine.drafts import Draft
    from trunkline.engine.weights import Weights
    from trunkline.exports.reading import Known
    from trunkline.graphs.heads import Activation
    from trunkline.graphs.sharing import Segment

__all__ = ["Build", "Needs", "RefusedError", "Workshop", "entry_of", "outline_of"]

Needs = tuple[Tensor, ...]


class RefusedError(UnsupportedExportError):
    """A model was read and cannot be run.

    Attributes:
        name: What it is called in the draft, which can be finished without it.
    """

    def __init__(self, source: str, problem: str, name: str = "") -> None:
        super().__init__(source, problem)
        self.name = name


@dataclass(frozen=True, eq=False)
class Build:
    """A plan, and the networks it was made from, which the next one is made from.

    Attributes:
        plan: What frames are run through.
        networks: By the tensors they give, the different networks. Models whose heads are packed
            on one trunk are one network.
        weights: By the tensors they give, the networks' constants.
        known: Files by which more heads of a network are recognised, and where those are packed.
    """

    plan: Plan
    networks: Mapping[Needs, Outline]
    weights: Mapping[Needs, Weights]
    known: Mapping[Known, PackKey]

    @classmethod
    def empty(cls) -> Build:
        """Return the build of no models."""
        nothing: MappingProxyType[object, object] = MappingProxyType({})
        return cls(Plan(nothing, nothing, (), nothing), nothing, nothing, nothing)  # type: ignore[arg-type]


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
            RefusedError: One of the models added cannot be compiled, or does not run. The draft
                can be finished once that one is dropped.
        """
        new = draft.networks.keys() - before.networks.keys()
        segments = _split(draft) if new else _kept_segments(draft, before)
        parts = self._parts(segments, draft, before.plan.parts)
        # A model that takes another's place is answered in that place.
        names = [name for name in before.plan.entries if name in draft.entries]
        entries = {name: draft.entries[name] for name in dict.fromkeys([*names, *draft.entries])}
        plan = Plan(entries, _inputs(draft.networks.values()), parts, draft.packs)
        _try(plan, draft, new)
        return Build(plan, draft.networks, draft.weights, draft.known)

    def _parts(
        self, segments: Sequence[Segment], draft: Draft, old: Sequence[Part]
    ) -> tuple[Part, ...]:
        graphs = {(part.segment.takes, part.segment.gives): part.graph for part in old}
        new = [segment for segment in segments if (segment.takes, segment.gives) not in graphs]
        for segment, graph in zip(new, self._compiled(new, draft), strict=True):
            graphs[segment.takes, segment.gives] = graph
        return tuple(Part(segment, graphs[segment.takes, segment.gives]) for segment in segments)

    def _compiled(self, segments: Sequence[Segment], draft: Draft) -> list[CompiledGraph]:
        """Compile segments, as many at a time as there are cores.

        To compile is the work of a single core, and most of what it costs to load a model.
        """
        outlines = list(draft.networks.values())
        # Cut here, one after another: several may be parts of one graph.
        works = [self._work(segment, outlines[segment.users[0]], draft) for segment in segments]
        if len(works) < 2:
            return [work() for work in works]
        with ThreadPoolExecutor(min(self.cores, len(works)), "trunkline-compile") as pool:
            waiting = [pool.submit(work) for work in works]
            return [each.result() for each in waiting]

    def _work(self, segment: Segment, whole: Outline, draft: Draft) -> Callable[[], CompiledGraph]:
        try:
            own = cut(whole.graph, whole.names, segment.takes, segment.gives)
        except Exception as error:
            raise _refused(_added_for(segment, draft), error) from error

        def compiled() -> CompiledGraph:
            try:
                return CompiledGraph(own, self.cores, self.optimise)
            except Exception as error:
                raise _refused(_added_for(segment, draft), error) from error

        return compiled


def _split(draft: Draft) -> tuple[Segment, ...]:
    outlines = draft.networks.values()
    steps = {identity: step for found in outlines for identity, step in found.steps.items()}
    return split(list(draft.networks), steps)


def outline_of(model: Model) -> Outline:
    """Bring a model's graph into normal form; nothing is compiled.

    Raises:
        RefusedError: It cannot be, or the model comes out of a model set.
    """
    if model.graph is None:
        raise RefusedError(
            model.source,
            f"model {model.name!r} comes out of a model set, which keeps no graph of its own for "
            "it. Load it again from its file.",
            model.name,
        )
    try:
        return outline(model.graph, model.contract)
    except Exception as error:
        raise _refused(model, error) from error


def entry_of(model: Model, found: Outline) -> Entry:
    """Decide how a model's head is run: packed, or compiled."""
    light = _light(model)
    activation = _activation(model, found)
    if activation is None or found.features is None:
        return Entry(light, found.outputs, None)
    pack = PackKey((found.features,), activation)
    return Entry(light, pack.needs, pack)


def _light(model: Model) -> Model:
    """Return a model without its graph, and without what a kind of model of its own holds.

    A model that was trained here has all its pictures with it.
    """
    values = {each.name: getattr(model, each.name) for each in fields(Model)}
    return Model(**{**values, "graph": None})


def _activation(model: Model, found: Outline) -> Activation | None:
    """Return how a model's dense head ends, in the graph or behind it; None for any other head."""
    if found.head is None or not isinstance(model.decoder, ClassificationDecoder):
        return None
    if len(found.head.bias) != len(model.labels):
        return None  # its decoder will say so
    match found.head.activation, model.decoder.activation:
        case (activation, "none") | ("none", activation):
            return activation
        case _:
            return None


def _kept_segments(draft: Draft, before: Build) -> list[Segment]:
    """Return the segments still used, where nothing is to be cut in another place."""
    places = {needs: index for index, needs in enumerate(draft.networks)}
    now = [places.get(needs) for needs in before.networks]
    kept = _still_used(before.plan.parts, draft.networks)
    return [_with_users(part.segment, now) for part in kept]


def _with_users(segment: Segment, now: Sequence[int | None]) -> Segment:
    """Return a segment with its users numbered as they are now; None for those that are gone."""
    users = sorted(place for user in segment.users if (place := now[user]) is not None)
    return replace(segment, users=tuple(users))


def _still_used(parts: Sequence[Part], left: Iterable[Needs]) -> list[Part]:
    wanted = {tensor for needs in left for tensor in needs}
    kept = []
    for part in reversed(parts):
        if wanted.intersection(part.segment.gives):
            wanted.update(part.segment.takes)
            kept.append(part)
    return kept[::-1]


def _added_for(segment: Segment, draft: Draft) -> Model:
    """Return the model for whose sake a segment is new."""
    needs = list(draft.networks)
    users = {needs[index] for index in segment.users}
    using = [name for name, entry in draft.entries.items() if entry.needs in users]
    added = [name for name in using if name in draft.added]
    return draft.entries[(added or draft.added or using)[-1]].model


def _try(plan: Plan, draft: Draft, new: Iterable[Needs]) -> None:
    """Let each added model answer once, but for one of many heads packed on one trunk.

    The first frame then finds everything allocated, and what does not run is found now.
    """
    untried = set(new)
    for name in draft.added:
        entry = draft.entries[name]
        if entry.pack is None or entry.needs in untried:
            untried.discard(entry.needs)
            contract = draft.networks[entry.needs].contract
            try:
                _alone(plan, name, contract).predict(_blank(contract))
            except Exception as error:
                raise _refused(entry.model, error) from error


def _alone(plan: Plan, name: str, contract: InputContract) -> Plan:
    """Return what a plan does for one of its models."""
    entry = plan.entries[name]
    parts = tuple(_still_used(plan.parts, [entry.needs]))
    packs = {key: heads for key, heads in plan.packs.items() if key == entry.pack}
    return Plan({name: entry}, _input(contract), parts, packs)


def _inputs(networks: Iterable[Outline]) -> dict[Tensor, InputContract]:
    return {tensor: c for o in networks for tensor, c in _input(o.contract).items()}


def _input(contract: InputContract) -> dict[Tensor, InputContract]:
    return {Tensor(input_identity(contract), 0): contract}


def _blank(contract: InputContract) -> NDArray[np.uint8]:
    """Return a picture on which no preset has much to do."""
    return np.zeros((contract.height, contract.width, 3), np.uint8)


def _refused(model: Model, error: Exception) -> RefusedError:
    """Say in a sentence why a model cannot be run."""
    if isinstance(error, ExportError):
        return RefusedError(model.source, str(error), model.name)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = (lines or [type(error).__name__])[-1]
    return RefusedError(
        model.source,
        f"its graph cannot be run on this machine ({cause[:300]}). If another program runs it, "
        "please report it.",
        model.name,
    )
