# SPDX-License-Identifier: Apache-2.0
"""What models share, and what that saves: worked out from their graphs, with nothing compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trunkline.engine.likeness import differences
from trunkline.engine.memory import PROCESS_BYTES, compiled_bytes
from trunkline.engine.planning import entry_of, outline_of
from trunkline.errors import ExportError
from trunkline.graphs.cost import at_size, live_bytes, macs
from trunkline.graphs.sharing import split

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from trunkline.engine.likeness import Difference
    from trunkline.graphs.heads import DenseHead
    from trunkline.graphs.identity import Identity
    from trunkline.graphs.merging import Outline, Step, Tensor
    from trunkline.graphs.sharing import Segment
    from trunkline.models import Model

__all__ = ["Cost", "Head", "Overview", "Trunk", "overview"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What something takes, for one picture.

    Attributes:
        macs: Multiply-accumulates.
        weight_bytes: Bytes of weights.
        memory_bytes: Bytes of memory, foretold; see ``trunkline.engine.memory``.
    """

    macs: int = 0
    weight_bytes: int = 0
    memory_bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.macs + other.macs,
            self.weight_bytes + other.weight_bytes,
            self.memory_bytes + other.memory_bytes,
        )


@dataclass(frozen=True, slots=True)
class Head:
    """A model, where it hangs on a trunk.

    Attributes:
        model: Its name.
        labels: How many labels it has.
        kind: ``"packed"`` for columns of the trunk's matrix, ``"compiled"`` for a graph of its
            own, ``"none"`` where the trunk's own output is its answer.
        cost: What it takes beside the trunk.
    """

    model: str
    labels: int
    kind: Literal["packed", "compiled", "none"]
    cost: Cost


@dataclass(frozen=True, slots=True)
class Trunk:
    """A network that is run once, for all models that hang on it or on what continues it.

    Attributes:
        id: The beginning of the identity of the tensor it ends in, as eight hexadecimal digits.
        after: The ids of the trunks that it continues; none where it begins at the picture.
        operations: How many operations it has.
        cost: What it takes, without what it continues and without heads.
        heads: The models that hang on its end.
    """

    id: str
    after: tuple[str, ...]
    operations: int
    cost: Cost
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What models share.

    Attributes:
        models: How many there are.
        trunks: Those used by most models first; each behind those it continues.
        shared: What all take together; the memory is that of the process.
        apart: What all take if nothing is shared; likewise.
        differences: Where trunks that are nearly the same first differ.
        failures: Why models were left out.
    """

    models: int
    trunks: tuple[Trunk, ...]
    shared: Cost
    apart: Cost
    differences: tuple[Difference, ...]
    failures: tuple[ExportError, ...]


def overview(models: Iterable[Model]) -> Overview:
    """Work out what models share. Nothing is compiled, and no graph is kept twice.

    Args:
        models: As read; names need not differ.
    """
    survey, failures = _Survey(), []
    for model in models:
        try:
            survey.add(model)
        except ExportError as error:
            failures.append(error)
    return survey.overview(tuple(failures))


@dataclass(frozen=True, slots=True)
class _User:
    """A model of a network."""

    name: str
    labels: int
    packed: DenseHead | None


@dataclass(frozen=True, eq=False, slots=True)
class _Network:
    """A network and the models that are it, but for packed heads."""

    outline: Outline
    macs: Mapping[Identity, int]
    users: list[_User] = field(default_factory=list)

    def cost(self, steps: Collection[Identity], copies: int = 2) -> Cost:
        """Return what some of its operations take, compiled as one graph."""
        outline = self.outline
        names = {outline.names[identity] for identity in steps}
        weights = sum(outline.steps[identity].weight_bytes for identity in steps)
        live = live_bytes(at_size(outline.graph, outline.contract), names)
        memory = compiled_bytes(weights, live, len(names), copies)
        return Cost(sum(self.macs[identity] for identity in steps), weights, memory)


class _Survey:
    """The networks of models seen so far, as a plan would be made from them."""

    def __init__(self) -> None:
        self._networks: dict[tuple[Tensor, ...], _Network] = {}
        self._apart = Cost(memory_bytes=PROCESS_BYTES)

    def add(self, model: Model) -> None:
        found = outline_of(model)
        entry = entry_of(model, found)
        own = _network(found)
        self._apart += own.cost(_operations(found.steps))
        network = self._networks.setdefault(entry.needs, own)
        packed = found.head if entry.pack else None
        network.users.append(_User(model.name, len(model.labels), packed))

    def overview(self, failures: tuple[ExportError, ...]) -> Overview:
        networks = list(self._networks.values())
        steps = {i: step for n in networks for i, step in n.outline.steps.items()}
        layout = _Layout(split(list(self._networks), steps), list(self._networks), networks)
        trunks = layout.trunks()
        shared = Cost(memory_bytes=PROCESS_BYTES)
        for trunk in trunks:
            shared = sum((head.cost for head in trunk.heads), shared + trunk.cost)
        roots = {trunk.id: outline for trunk, outline in layout.outlines(trunks) if not trunk.after}
        count = sum(len(network.users) for network in networks)
        return Overview(count, trunks, shared, self._apart, differences(roots), failures)
