# SPDX-License-Identifier: Apache-2.0
"""Running segments side by side, where that is faster than giving each of them every core.

A second thread does not halve the time of a small network. Several networks that do not wait for
one another are done sooner with a core each, as long as no core is left with the longest of them
while the others have nothing to do.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.graphs.sharing import Segment

__all__ = ["levels_of", "pays"]

# How much of another core's work a single network gets out of it. Measured on the trunks of real
# exports with two threads (benchmarks/many_models.py, "models that share nothing").
_EFFICIENCY = 0.7


def levels_of(segments: Sequence[Segment]) -> list[int]:
    """Return, for each segment, how many others it waits for in a row.

    Args:
        segments: Each behind those it takes tensors from.
    """
    made_at: dict[object, int] = {}
    levels = []
    for segment in segments:
        level = 1 + max((made_at.get(tensor, -1) for tensor in segment.takes), default=-1)
        made_at.update(dict.fromkeys(segment.gives, level))
        levels.append(level)
    return levels


def pays(work: Sequence[int], cores: int) -> bool:
    """Tell whether networks are done sooner with a core each than with all cores in turn.

    Args:
        work: The multiply-accumulates of each.
        cores: How many cores there are.
    """
    if cores < 2 or len(work) < 2:
        return False
    in_turn = sum(work) / (1 + (cores - 1) * _EFFICIENCY)
    return _longest_lane(work, cores) < in_turn


def _longest_lane(work: Sequence[int], cores: int) -> int:
    """Return the work of the busiest core where each takes the largest piece that is left."""
    lanes = [0] * cores
    for piece in sorted(work, reverse=True):
        heapq.heappush(lanes, heapq.heappop(lanes) + piece)
    return max(lanes)
