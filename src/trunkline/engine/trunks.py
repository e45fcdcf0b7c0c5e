# SPDX-License-Identifier: Apache-2.0
"""The trunks of networks, the models that hang on each, and what they cost."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trunkline.engine.footprint import compiled_bytes
from trunkline.graphs.cost import at_size, live_bytes, macs
from trunkline.graphs.sharing import split

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import openvino

    from trunkline.graphs.heads import DenseHead
    from trunkline.graphs.identity import Identity
    from trunkline.graphs.merging import Outline, Tensor
    from trunkline.graphs.sharing import Segment

__all__ = ["Cost", "Head", "Network", "Trunk", "User", "find_trunks"]

HeadKind = Literal["packed", "compiled", "none"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What something takes for one picture.

    Attributes:
        macs: Multiply-accumulates.
        weight_bytes: Bytes of weights.
        memory_bytes: Bytes of memory, foretold; see ``trunkline.engine.footprint``.
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
        kind: ``"packed"`` for rows of the trunk's one matrix, ``"compiled"`` for a graph of its
            own, ``"none"`` where the trunk's end is the model's answer.
        cost: What it takes beside the trunk.
    """

    model: str
    labels: int
    kind: HeadKind
    cost: Cost


@dataclass(frozen=True, slots=True)
class Trunk:
    """Operations that are run once for all models that hang on them.

    Attributes:
        id: The beginning of the identity of the tensor it ends in, eight hexadecimal digits.
        after: The ids of the trunks it continues; none where it begins at the picture.
        operations: How many operations it has.
        cost: What it takes, without heads and without what it continues.
        heads: The models that hang on its end; none where only other trunks do.
    """

    id: str
    after: tuple[str, ...]
    operations: int
    cost: Cost
    heads: tuple[Head, ...]

    @property
    def whole_cost(self) -> Cost:
        """What it takes with its heads."""
        return sum((head.cost for head in self.heads), self.cost)


@dataclass(frozen=True, slots=True)
class User:
    """A model of a network.

    Attributes:
        name: The model's name.
        labels: How many labels it has.
        packed: Its dense layer, where that is packed and so no part of the network.
    """

    name: str
    labels: int
    packed: DenseHead | None


@dataclass(frozen=True, eq=False)
class Network:
    """A network, and the models that are this network with, perhaps, a packed head.

    Attributes:
        outline: Of the first such model.
        users: The models.
    """

    outline: Outline
    users: list[User] = field(default_factory=list)

    @property
    def operations(self) -> Collection[Identity]:
        """Everything it does to the picture."""
        steps = self.outline.steps
        return [identity for identity, step in steps.items() if step.kind != "Parameter"]

    def cost(self, operations: Collection[Identity]) -> Cost:
        """Return what some of its operations take, compiled as one graph."""
        names, steps = self.outline.names, self.outline.steps
        weights = sum(steps[identity].weight_bytes for identity in operations)
        live = live_bytes(self._graph, {names[identity] for identity in operations})
        return Cost(
            sum(self._macs[names[identity]] for identity in operations),
            weights,
            compiled_bytes(weights, live, len(operations)),
        )

    @functools.cached_property
    def _graph(self) -> openvino.Model:
        return at_size(self.outline.graph, self.outline.contract)

    @functools.cached_property
    def _macs(self) -> dict[str, int]:
        # Of an open size the outline knows only what is enough to decide what to share.
        return {node.get_friendly_name(): macs(node) for node in self._graph.get_ordered_ops()}


def find_trunks(networks: Mapping[tuple[Tensor, ...], Network]) -> list[tuple[Trunk, Network]]:
    """Find the trunks of networks, each with the first network that uses it.

    A trunk is what several models use, or the whole of a network that shares nothing.

    Args:
        networks: By the tensors that they give.

    Returns:
        Those of most models first, each behind those it continues, which has more.
    """
    return _Layout(list(networks), list(networks.values())).trunks()


class _Layout:
    """Networks split into segments, and which segment hangs on which."""

    def __init__(self, needs: Sequence[Sequence[Tensor]], networks: Sequence[Network]) -> None:
        self._needs = needs
        self._networks = networks
        steps = {i: step for n in networks for i, step in n.outline.steps.items()}
        self._segments = split(needs, steps)
        self._givers = {
            tensor: index for index, part in enumerate(self._segments) for tensor in part.gives
        }
        self._ids = {i: _id(s, networks) for i, s in enumerate(self._segments) if self._is_trunk(s)}

    def trunks(self) -> list[tuple[Trunk, Network]]:
        heads: dict[int, list[Head]] = {index: [] for index in self._ids}
        for index in range(len(self._networks)):
            for end, head in self._heads(index):
                heads[end].append(head)
        found = []
        for index in sorted(self._ids, key=lambda each: -self._models(self._segments[each])):
            segment = self._segments[index]
            network = self._networks[segment.users[0]]
            after = tuple(self._ids[giver] for giver in sorted(self._below(segment.takes)))
            cost = network.cost(segment.steps)
            trunk = Trunk(self._ids[index], after, len(segment.steps), cost, tuple(heads[index]))
            found.append((trunk, network))
        return found

    def _models(self, segment: Segment) -> int:
        return sum(len(self._networks[user].users) for user in segment.users)

    def _is_trunk(self, segment: Segment) -> bool:
        return self._models(segment) > 1 or not self._below(segment.takes)

    def _below(self, tensors: Sequence[Tensor]) -> set[int]:
        """Return the segments that give tensors; pictures come from none."""
        return {self._givers[tensor] for tensor in tensors if tensor in self._givers}

    def _heads(self, index: int) -> Iterator[tuple[int, Head]]:
        """Yield a network's models, each with the trunk that it hangs on."""
        network, ends = self._networks[index], self._below(self._needs[index])
        own = next((i for i in ends if self._segments[i].users == (index,)), None)
        kind: HeadKind = "none"
        cost = Cost()
        if own is not None and own not in self._ids:
            segment = self._segments[own]
            kind, cost, ends = "compiled", network.cost(segment.steps), self._below(segment.takes)
        # A network that hands out the picture as it came hangs on nothing.
        for user in network.users if ends else ():
            yield max(ends), _head(user, cost, kind)


def _head(user: User, beside: Cost, kind: HeadKind) -> Head:
    if user.packed is None:
        return Head(user.name, user.labels, kind, beside)
    values = user.packed.weights.nbytes + user.packed.bias.nbytes
    packed = Cost(user.packed.weights.size, values, values)
    return Head(user.name, user.labels, "packed" if kind == "none" else kind, beside + packed)


def _id(segment: Segment, networks: Sequence[Network]) -> str:
    """Return a name for a segment: after the features of packed heads, if there are any."""
    packed = {
        networks[user].outline.features
        for user in segment.users
        if any(model.packed for model in networks[user].users)
    }
    ends = [tensor for tensor in segment.gives if tensor in packed] or segment.gives
    return ends[0].identity.hex()[:8]
