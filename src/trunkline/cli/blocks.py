# SPDX-License-Identifier: Apache-2.0
"""Where trunks and heads go in the picture of what models share.

From left to right are the multiply-accumulates of one model for one frame; from top to bottom are
the models, one row each. A trunk spans the rows of all models that hang on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trunkline.cli.words import amount, counted, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.engine.trunks import Head, Trunk

__all__ = ["Block", "Picture", "Row", "lay_out"]

# A packed head is a hundred-thousandth of its trunk; it is drawn, not measured.
_LEAST = 0.008
_MOST_HEADS = 40
_LONGEST_NAME = 48


@dataclass(frozen=True, slots=True)
class Block:
    """A trunk or a head.

    Attributes:
        left: Where it begins, in multiply-accumulates.
        width: How wide it is, in multiply-accumulates; what would be too thin to see is wider.
        top: Its first row.
        rows: How many rows it spans.
        family: The number of the trunk at the picture that it comes from; each has its colour.
        labels: What may be written into it, the longest first; none for heads.
    """

    left: float
    width: float
    top: int
    rows: int
    family: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """What is written behind the last block of a row.

    Attributes:
        left: Where that block ends.
        name: The model, or how many more there are.
        labels: What it answers, in words.
    """

    left: float
    name: str
    labels: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn.

    Attributes:
        width: The multiply-accumulates of the longest way from picture to answer.
        blocks: The trunks and heads.
        rows: One for each model, from top to bottom.
    """

    width: float
    blocks: list[Block] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def lay_out(trunks: Sequence[Trunk]) -> Picture:
    """Find a place for every trunk and head.

    Args:
        trunks: Each behind those it continues. Of more than 40 models on one of them, the first 39
            get a row each, and the others one in common.
    """
    least = _LEAST * _longest(_ends(trunks, 0), trunks)
    ends = _ends(trunks, least)
    layout = _Layout(trunks, ends, least, Picture(_longest(ends, trunks)))
    for family, trunk in enumerate(trunk for trunk in trunks if not trunk.after):
        layout.place(trunk, family)
    return layout.picture


def _ends(trunks: Sequence[Trunk], least: float) -> dict[str, float]:
    """Return where each trunk ends, none being narrower than ``least``."""
    ends: dict[str, float] = {}
    for trunk in trunks:
        ends[trunk.id] = _begin(trunk, ends) + max(trunk.cost.macs, least)
    return ends


def _begin(trunk: Trunk, ends: dict[str, float]) -> float:
    return max((ends[earlier] for earlier in trunk.after), default=0.0)


def _longest(ends: dict[str, float], trunks: Sequence[Trunk]) -> float:
    """Return the multiply-accumulates of the longest way from picture to answer, at least 1."""
    ways = (ends[trunk.id] + head.cost.macs for trunk in trunks for head in trunk.heads)
    return max([1.0, *ends.values(), *ways])


@dataclass(frozen=True, slots=True)
class _Layout:
    trunks: Sequence[Trunk]
    ends: dict[str, float]
    least: float
    picture: Picture

    def place(self, trunk: Trunk, family: int) -> int:
        """Place a trunk and all that hangs on it, and return how many models that is."""
        top, models = len(self.picture.rows), len(trunk.heads)
        # Of several that it continues, the last is the nearest.
        for later in self.trunks:
            if later.after[-1:] == (trunk.id,):
                models += self.place(later, family)
        self._place_heads(trunk, family)
        left = _begin(trunk, self.ends)
        rows = len(self.picture.rows) - top
        width = self.ends[trunk.id] - left
        labels = _labels(trunk, models)
        self.picture.blocks.append(Block(left, width, top, rows, family, labels))
        return models

    def _place_heads(self, trunk: Trunk, family: int) -> None:
        left = self.ends[trunk.id]
        shown = trunk.heads if len(trunk.heads) <= _MOST_HEADS else trunk.heads[: _MOST_HEADS - 1]
        for head in shown:
            width = 0.0 if head.kind == "none" else max(head.cost.macs, self.least)
            if width:
                self.picture.blocks.append(Block(left, width, len(self.picture.rows), 1, family))
            self.picture.rows.append(Row(left + width, _short(head), counted(head.labels, "label")))
        if len(shown) < len(trunk.heads):
            more = len(trunk.heads) - len(shown)
            self.picture.rows.append(Row(left, f"and {more} more models", ""))


def _labels(trunk: Trunk, models: int) -> tuple[str, ...]:
    cost = f"{amount(trunk.cost.macs)} MACs, {amount(trunk.cost.weight_bytes, 'B')} of weights"
    once = f"once for {models} models" if models > 1 else "for one model"
    return (
        f"{trunk.id}\n{cost}\n{once}",
        f"{trunk.id}\n{cost}, {once}",
        f"{trunk.id}   {cost}, {once}",
        f"{trunk.id}   {cost}",
        f"{trunk.id}\n{once}",
        trunk.id,
    )


def _short(head: Head) -> str:
    name = one_line(head.model)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
