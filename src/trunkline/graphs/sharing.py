# SPDX-License-Identifier: Apache-2.0
"""Splitting many networks into trunks and heads, at the deepest tensors they have in common.

Each operation is used by some of the models. Operations used by the same models form a segment:
one used by several is a trunk, one used by a single model is its head. A trunk may itself branch,
for what three models share may go on into what two of them share.

Cuts are made only where they change no bit. The runtime fuses operations and chooses how tensors
lie in memory, and sums are rounded as they are added up: a bias that is added by the convolution
before it, or behind a cut, gives other last bits, and so does a mean over a tensor that lies in
another order. Where a cut would fall in such a place, it is moved towards the picture, and what is
between is done by each of its users.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trunkline.graphs.merging import Step, Tensor, steps_behind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trunkline.graphs.identity import Identity

__all__ = ["Segment", "split"]

# A common beginning that costs less is done again by each of its users: handing a tensor from one
# compiled graph to the next costs more than a mean subtraction.
_WORTH_SHARING_MACS = 1_000_000

# The runtime brings what these take into the order it wants, wherever it comes from.
_ORDERING = frozenset(
    {
        "Convolution",
        "ConvolutionBackpropData",
        "GroupConvolution",
        "GroupConvolutionBackpropData",
        "MatMul",
    }
)
# These do not round, or only once whatever they are fused with, and keep the order.
_EXACT = frozenset(
    {"Clamp", "Concat", "MaxPool", "Pad", "Relu", "Reshape", "Slice", "Split", "Transpose"}
    | {"DepthToSpace", "Gather", "ShuffleChannels", "SpaceToDepth", "Squeeze", "StridedSlice"}
    | {"Unsqueeze", "VariadicSplit"}
)
# Likewise with two tensors. With a constant they are a bias or a scale.
_EXACT_WITH_TWO = frozenset({"Add", "Maximum", "Minimum", "Multiply", "Subtract"})


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the networks that is compiled and run as one.

    Attributes:
        users: The indices of the networks that use it; more than one makes it a trunk.
        steps: Its operations.
        takes: The tensors it takes: of other segments, or the pictures of a contract.
        gives: The tensors it makes that others take or that answers are made from.
        macs: Its multiply-accumulates for one picture.
        weight_bytes: The bytes of its constants.
    """

    users: tuple[int, ...]
    steps: frozenset[Identity]
    takes: tuple[Tensor, ...]
    gives: tuple[Tensor, ...]
    macs: int
    weight_bytes: int


def split(
    networks: Sequence[Sequence[Tensor]], steps: Mapping[Identity, Step]
) -> tuple[Segment, ...]:
    """Split networks into segments.

    Args:
        networks: For each network, the tensors it must give.
        steps: Every operation, by identity.

    Returns:
        The segments, each behind those it takes tensors from.
    """
    union = _Union(networks, steps)
    trunks = {mask for mask in union.users.values() if mask.bit_count() > 1}
    while True:
        parts = union.parts(trunks)
        cheap = {mask for mask in trunks if union.macs(parts.get(mask)) < _WORTH_SHARING_MACS}
        if not cheap:
            break
        trunks -= cheap
    segments = [union.segment(mask, part) for mask, part in parts.items()]
    # What makes a tensor has more users than what takes it.
    return tuple(sorted(segments, key=lambda s: (-len(s.users), s.users)))


class _Part(NamedTuple):
    """Operations, and which of their tensors are wanted of them."""

    steps: frozenset[Identity]
    gives: frozenset[Tensor]


class _Union:
    """Networks as one.

    Attributes:
        users: For each operation that anything is made from, the networks that use it, as the
            bits of a number: their mask.
    """

    def __init__(
        self, networks: Sequence[Sequence[Tensor]], steps: Mapping[Identity, Step]
    ) -> None:
        self._networks, self._steps = networks, steps
        self.users: dict[Identity, int] = defaultdict(int)
        for index, needs in enumerate(networks):
            for identity in steps_behind(needs, steps):
                self.users[identity] |= 1 << index
        self._inseparable = _inseparable([steps[identity] for identity in self.users], steps)

    def parts(self, trunks: Collection[int]) -> dict[int, _Part]:
        """Return the parts of the union, by mask.

        Args:
            trunks: The masks of the parts with several users. What others have in common is done
                by each of them.
        """
        wanted: defaultdict[int, set[Tensor]] = defaultdict(set)
        for index, needs in enumerate(self._networks):
            for tensor in needs:
                if giver := self._giver(tensor, 1 << index, trunks):
                    wanted[giver].add(tensor)
        parts = {}
        # A tensor is handed over by who has more users.
        for mask in sorted({*trunks, *wanted}, key=int.bit_count):
            if gives := wanted[mask]:
                parts[mask] = _Part(self._operations(mask, trunks, wanted), frozenset(gives))
        return parts

    def _operations(
        self, mask: int, trunks: Collection[int], wanted: Mapping[int, set[Tensor]]
    ) -> frozenset[Identity]:
        """Return what makes the tensors wanted of a part; add to what is wanted of others."""
        own: set[Identity] = set()
        waiting = list(wanted[mask])
        while waiting:
            identity = waiting.pop().identity
            if identity in own:
                continue
            own.add(identity)
            for tensor in self._steps[identity].takes:
                giver = self._giver(tensor, mask, trunks)
                if giver == mask:
                    waiting.append(tensor)
                elif giver:
                    wanted[giver].add(tensor)
        return frozenset(own)

    def _giver(self, tensor: Tensor, mask: int, trunks: Collection[int]) -> int:
        """Return the part that gives a tensor to another, or the other itself; 0 for pictures."""
        if self._steps[tensor.identity].kind == "Parameter":
            return 0
        maker = self.users[tensor.identity]
        return maker if maker in trunks and tensor not in self._inseparable else mask

    def macs(self, part: _Part | None) -> int:
        """Return the multiply-accumulates of a part; none where nothing is wanted of it."""
        return sum(self._steps[identity].macs for identity in part.steps) if part else 0

    def segment(self, mask: int, part: _Part) -> Segment:
        """Return a part as a segment."""
        taken = {
            t for i in part.steps for t in self._steps[i].takes if t.identity not in part.steps
        }
        return Segment(
            tuple(i for i in range(mask.bit_length()) if mask >> i & 1),
            part.steps,
            tuple(sorted(t for t in taken if t.identity not in part.steps)),
            tuple(sorted(part.gives)),
            self.macs(part),
            sum(self._steps[identity].weight_bytes for identity in part.steps),
        )


def _inseparable(used: Sequence[Step], steps: Mapping[Identity, Step]) -> set[Tensor]:
    """Return the tensors at which a cut would change bits of what is behind them."""
    waiting = [
        tensor
        for step in used
        if step.kind not in _ORDERING and not _is_exact(step)
        for tensor in step.takes
    ]
    found: set[Tensor] = set()
    while waiting:
        tensor = waiting.pop()
        if tensor not in found:
            found.add(tensor)
            # In what order it lies may be decided further back.
            maker = steps[tensor.identity]
            waiting.extend(maker.takes if _is_exact(maker) else ())
    return found


def _is_exact(step: Step) -> bool:
    return step.kind in _EXACT or (step.kind in _EXACT_WITH_TWO and len(step.takes) > 1)
