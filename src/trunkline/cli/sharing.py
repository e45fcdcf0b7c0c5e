# SPDX-License-Identifier: Apache-2.0
"""What models share, in words and as plain values, for ``trunkline inspect``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from trunkline.cli.columns import Row, columns
from trunkline.cli.words import amount, counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.engine.overview import Overview
    from trunkline.engine.trunks import Cost, Head, Trunk

__all__ = ["sharing_lines", "sharing_values", "totals_words"]


def sharing_lines(found: Overview) -> Iterator[Text]:
    """Yield the trunks with the models that hang on them, the totals, and what is almost shared."""
    rows: list[Row] = [("trunk", "", "", "MACs", "weights", "memory")]
    styles, users = ["bold"], _users(found)
    for trunk in found.trunks:
        rows.append(_trunk_row(trunk, len(users[trunk.id])))
        styles.append("cyan")
        rows.extend(_head_row(head) for head in trunk.heads)
        styles.extend([""] * len(trunk.heads))
    yield from columns(rows, left=3, styles=styles)
    yield Text()
    yield Text(totals_words(found))
    yield from _difference_lines(found)


def totals_words(found: Overview) -> str:
    """Return what sharing saves, as one sentence."""
    shared, apart = found.shared, found.apart
    return (
        f"{counted(found.models, 'model')}, {counted(len(found.trunks), 'trunk')}: "
        f"{_instead(shared.macs, apart.macs)} multiply-accumulates per frame, "
        f"{_instead(shared.weight_bytes, apart.weight_bytes, 'B')} of weights, "
        f"about {_instead(shared.memory_bytes, apart.memory_bytes, 'B')} of memory."
    )


def sharing_values(found: Overview) -> dict[str, Any]:
    """Return all of it as plain values, ready for JSON."""
    return {
        "trunks": [
            {
                "id": trunk.id,
                "after": list(trunk.after),
                "operations": trunk.operations,
                **asdict(trunk.cost),
                "models": [
                    {
                        "name": head.model,
                        "labels": head.labels,
                        "head": head.kind,
                        **asdict(head.cost),
                    }
                    for head in trunk.heads
                ],
            }
            for trunk in found.trunks
        ],
        "totals": {
            "models": found.models,
            "trunks": len(found.trunks),
            "with_sharing": asdict(found.shared),
            "without_sharing": asdict(found.apart),
        },
        "differences": [asdict(each) for each in found.differences],
    }


def _trunk_row(trunk: Trunk, models: int) -> Row:
    after = f"continues {', '.join(trunk.after)}" if trunk.after else ""
    return (trunk.id, counted(models, "model"), after, *_cost_cells(trunk.cost))


def _head_row(head: Head) -> Row:
    kind = "the trunk's end" if head.kind == "none" else head.kind
    labels = counted(head.labels, "label")
    return (f"  {one_line(head.model)}", labels, kind, *_cost_cells(head.cost))


def _cost_cells(cost: Cost) -> Row:
    return amount(cost.macs), amount(cost.weight_bytes, "B"), amount(cost.memory_bytes, "B")


def _difference_lines(found: Overview) -> Iterator[Text]:
    if not found.differences:
        return
    yield Text()
    yield Text("almost the same", "bold")
    users = _users(found)
    for each in found.differences:
        one, other = (f"{name} ({_names(users[name])})" for name in (each.trunk, each.other))
        yield Text(f"  {one} and {other}:")
        yield Text(f"    {one_line(each.where)}")


def _users(found: Overview) -> dict[str, list[str]]:
    """Return, by trunk, the models that hang on it or on what continues it."""
    users = {trunk.id: [head.model for head in trunk.heads] for trunk in found.trunks}
    for trunk in reversed(found.trunks):
        for earlier in trunk.after:
            users[earlier].extend(users[trunk.id])
    return users


def _names(models: list[str]) -> str:
    more = f" and {len(models) - 1} more" if len(models) > 1 else ""
    return f"{one_line(models[0])}{more}"


def _instead(shared: int, apart: int, unit: str = "") -> str:
    here, there = amount(shared, unit), amount(apart, unit)
    return here if here == there else f"{here} instead of {there}"
