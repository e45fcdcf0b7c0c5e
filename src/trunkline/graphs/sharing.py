# SPDX-License-Identifier: Apache-2.0
"""Splitting many networks into trunks and heads, at the deepest tensors they have in common.

Each operation is used by some of the models. Operations used by the same models form a segment:
one used by several is a trunk, one used by a single model is its head. A trunk may itself branch,
for what three models share may go on into what two of them share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.graphs.merging import Step, Tensor, steps_behind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from trunkline.graphs.identity import Identity

__all__ = ["Segment", "split"]

# A common beginning that costs less is done again by each of its users: handing a tensor from one
# compiled graph to the next costs more than a mean subtraction.
_WORTH_SHARING_MACS = 1_000_000


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
    users = _users(networks, steps)
    groups = _groups(users, steps)
    _spread_cheap_groups(groups, networks, users, steps)
    crossing = {
        t for own in groups.values() for i in own for t in steps[i].takes if t.identity not in own
    }
    segments = [_segment(mask, own, crossing, networks, steps) for mask, own in groups.items()]
    # What makes a tensor has at least the users of what takes it.
    return tuple(sorted(segments, key=lambda s: (-len(s.users), s.users)))


def _users(
    networks: Sequence[Sequence[Tensor]], steps: Mapping[Identity, Step]
) -> dict[Identity, int]:
    """Return, for each operation, the networks that use it, as the bits of a number."""
    users: dict[Identity, int] = {}
    for index, needs in enumerate(networks):
        for identity in steps_behind(needs, steps):
            users[identity] = users.get(identity, 0) | 1 << index
    return users


def _groups(
    users: Mapping[Identity, int], steps: Mapping[Identity, Step]
) -> dict[int, set[Identity]]:
    groups: dict[int, set[Identity]] = {}
    for identity, mask in users.items():
        if steps[identity].kind != "Parameter":
            groups.setdefault(mask, set()).add(identity)
    return groups


def _spread_cheap_groups(
    groups: dict[int, set[Identity]],
    networks: Sequence[Sequence[Tensor]],
    users: Mapping[Identity, int],
    steps: Mapping[Identity, Step],
) -> None:
    """Give the operations of groups that are not worth sharing to each of their users."""
    cheap = {
        mask
        for mask, own in groups.items()
        if mask.bit_count() > 1 and sum(steps[i].macs for i in own) < _WORTH_SHARING_MACS
    }
    for mask in cheap:
        del groups[mask]
    spread = {i for i, mask in users.items() if mask in cheap and steps[i].kind != "Parameter"}
    for index, needs in enumerate(networks):
        if any(tensor.identity in spread for tensor in needs):
            groups.setdefault(1 << index, set()).update(
                t.identity for t in needs if t.identity in spread
            )
    for own in groups.values():
        own |= set(_behind(own, spread, steps))


def _behind(
    own: Collection[Identity], among: Collection[Identity], steps: Mapping[Identity, Step]
) -> Iterator[Identity]:
    """Yield the operations of ``among`` that ``own`` takes from, directly or through them."""
    waiting = list(own)
    seen: set[Identity] = set()
    while waiting:
        for tensor in steps[waiting.pop()].takes:
            if tensor.identity in among and tensor.identity not in seen:
                seen.add(tensor.identity)
                waiting.append(tensor.identity)
                yield tensor.identity


def _segment(
    mask: int,
    own: set[Identity],
    crossing: Collection[Tensor],
    networks: Sequence[Sequence[Tensor]],
    steps: Mapping[Identity, Step],
) -> Segment:
    users = tuple(i for i in range(mask.bit_length()) if mask >> i & 1)
    taken = {t for identity in own for t in steps[identity].takes if t.identity not in own}
    wanted = {t for i in users for t in networks[i]}.union(crossing)
    return Segment(
        users,
        frozenset(own),
        tuple(sorted(taken)),
        tuple(sorted(t for t in wanted if t.identity in own)),
        sum(steps[i].macs for i in own),
        sum(steps[i].weight_bytes for i in own),
    )
