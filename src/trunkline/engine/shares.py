# SPDX-License-Identifier: Apache-2.0
"""What each model of a plan has in common with others, told without looking at any graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trunkline.engine.plan import Entry, Part, Plan
    from trunkline.graphs.merging import Tensor

__all__ = ["Share", "shares"]


@dataclass(frozen=True, slots=True)
class Share:
    """One model's part in a plan.

    Attributes:
        trunk: The name of the network, or the beginning of one, that it begins with; as
            ``trunkline inspect`` has it. Nothing where it hands out the picture as it came.
        sharing: How many models begin with that, this one included.
        macs: Multiply-accumulates per picture of all that is behind the trunk.
        trunk_macs: Those of the trunk.
    """

    trunk: str
    sharing: int
    macs: int
    trunk_macs: int


def shares(plan: Plan) -> Mapping[str, Share]:
    """Return every model's part in a plan, by model name."""
    givers = {tensor: part for part in plan.parts for tensor in part.segment.gives}
    packed = {key.features for key in plan.packs}
    chains: dict[tuple[Tensor, ...], list[Part]] = {}
    for entry in plan.entries.values():
        if entry.needs not in chains:  # a thousand heads hang on one trunk
            chains[entry.needs] = list(_behind(entry.needs, givers))
    trunks = {needs: _trunk(chain, plan.inputs) for needs, chain in chains.items()}
    counts = Counter(id(trunks[entry.needs]) for entry in plan.entries.values())
    found = {}
    for name, entry in plan.entries.items():
        trunk = trunks[entry.needs]
        own = sum(part.segment.macs for part in chains[entry.needs] if part is not trunk)
        found[name] = Share(
            _name(trunk, packed) if trunk else "",
            counts[id(trunk)] if trunk else 1,
            own + _head_macs(plan, entry),
            trunk.segment.macs if trunk else 0,
        )
    return found


def _behind(needs: Iterable[Tensor], givers: Mapping[Tensor, Part]) -> Iterator[Part]:
    """Yield the parts that tensors are made by, each once."""
    waiting, seen = list(needs), set[int]()
    while waiting:
        part = givers.get(waiting.pop())
        if part is not None and id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting.extend(part.segment.takes)


def _trunk(chain: Iterable[Part], inputs: Mapping[Tensor, object]) -> Part | None:
    """Return the costliest part that begins at a picture."""
    roots = [part for part in chain if any(tensor in inputs for tensor in part.segment.takes)]
    return max(roots, key=lambda part: part.segment.macs, default=None)


def _name(trunk: Part, packed: set[Tensor]) -> str:
    gives = trunk.segment.gives
    end = next((tensor for tensor in gives if tensor in packed), gives[0])
    return end.identity.hex()[:8]


def _head_macs(plan: Plan, entry: Entry) -> int:
    if entry.pack is None:
        return 0
    return plan.packs[entry.pack].features * len(entry.model.labels)
