# SPDX-License-Identifier: Apache-2.0
"""The demonstration's sentences: what was made before it runs, and what was seen after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.demo.exports import FITTED_ON, HELD_OUT
from trunkline.demo.pictures import HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.demo.exports import MadeExport
    from trunkline.demo.tally import Tally
    from trunkline.engine.modelset import ModelSet
    from trunkline.engine.plan import Plan

__all__ = ["introduction", "summary"]


def introduction(made: Sequence[MadeExport], fitting: float, loading: float) -> str:
    """Say what the models are and where they come from.

    Args:
        made: The exports.
        fitting: Seconds that fitting and writing took.
        loading: Seconds that loading took.
    """
    return _lines(
        "These models were made a moment ago, for this demonstration only: a trunk of random",
        f"filters, and one layer each that was fitted on {FITTED_ON} drawn pictures. That took "
        f"{fitting:.1f} s.",
        "With your own: trunkline predict -m your-export/ photo.jpg",
        "",
        *(
            f"  {export.folder.name:<8}{', '.join(export.labels):<28}"
            f"right on {_percent(export.accuracy)} of {HELD_OUT} other pictures"
            for export in made
        ),
        "",
        "Written as OpenVINO exports with labels.txt and model.toml, loaded with trunkline.load in",
        f"{loading:.1f} s.",
        f"Now a moving picture, {WIDTH} x {HEIGHT}, one JPEG per frame:",
        "",
    )


def summary(models: ModelSet, tally: Tally) -> str:
    """Say how fast and how right the models were, and what was done for it."""
    median, slow = (1000 * tally.latency(percentile) for percentile in (50, 95))
    right = ", ".join(f"{name} {_percent(tally.accuracy(name))}" for name in models)
    return _lines(
        "",
        f"{_count(tally.frames, 'frame')} in {tally.elapsed:.1f} s: {tally.rate:.1f} frames per "
        f"second, from JPEG bytes to the answers of {len(models)} models.",
        f"Latency of a frame: median {median:.1f} ms, 95th percentile {slow:.1f} ms.",
        f"Right: {right}.",
        "",
        _work(models.plan, len(models)),
    )


def _work(plan: Plan, models: int) -> str:
    """Say what the plan does with a frame, counted in the plan itself."""
    packed = sum(len(heads.names) for heads in plan.packs.values())
    heads = (
        f", and {_count(packed, 'head')} in {_count(len(plan.packs), 'product')}" if packed else ""
    )
    return (
        f"Done per frame, for {_count(models, 'model')}: 1 picture decoded, "
        f"{_count(len(plan.inputs), 'input tensor')}, "
        f"{_count(len(plan.parts), 'compiled graph')} run{heads}."
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _lines(*lines: str) -> str:
    return "\n".join(lines)
