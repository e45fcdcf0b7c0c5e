# SPDX-License-Identifier: Apache-2.0
"""Trunks that are almost the same, and where they first differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.graphs.comparing import first_difference
from trunkline.graphs.merging import steps_behind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.graphs.merging import Outline

__all__ = ["Difference", "differences"]

# A normalisation more or less, or other padding, is a few operations of a hundred.
_ALMOST = 0.9


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two trunks first differ, which are almost the same.

    Attributes:
        trunk: The id of one.
        other: The id of the other, the one that more models hang on.
        where: The first operation that differs, and in what, as a clause; ``trunk`` comes first.
    """

    trunk: str
    other: str
    where: str


def differences(trunks: Sequence[tuple[str, Outline]]) -> Iterator[Difference]:
    """Compare each trunk with the one before it that it is most like.

    So a group of similar trunks takes one line for each but the first, not one for each pair.

    Args:
        trunks: Ids and networks, none of which share anything; the most important first.
    """
    for index, (name, outline) in enumerate(trunks):
        alike = [(_likeness(outline, other), before, other) for before, other in trunks[:index]]
        share, before, other = max(alike, key=lambda each: each[0], default=(0.0, "", outline))
        found = first_difference(outline, other) if share >= _ALMOST else None
        if found:
            yield Difference(name, before, str(found))


def _likeness(one: Outline, other: Outline) -> float:
    """Return the share of operations that two networks have in common by kind, 0 to 1."""
    if (one.contract.height, one.contract.width) != (other.contract.height, other.contract.width):
        return 0
    kinds = _kinds(one), _kinds(other)
    return (kinds[0] & kinds[1]).total() / max(kind.total() for kind in kinds)


def _kinds(outline: Outline) -> Counter[str]:
    """Count a network's operations by kind, without its dense head."""
    ends = [outline.features] if outline.features else outline.outputs
    return Counter(outline.steps[each].kind for each in steps_behind(ends, outline.steps))
