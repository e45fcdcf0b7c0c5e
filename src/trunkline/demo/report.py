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
    """Say how fast and how right the models were, and which work was shared."""
    median, slow = (1000 * tally.latency(percentile) for percentile in (50, 95))
    right = ", ".join(f"{name} {_percent(tally.accuracy(name))}" for name in models)
    return _lines(
        "",
        f"{tally.frames} frames in {tally.elapsed:.1f} s: {tally.rate:.1f} frames per second, from "
        f"JPEG bytes to the answers of {len(models)} models.",
        f"Latency of a frame: median {median:.1f} ms, 95th percentile {slow:.1f} ms.",
        f"Right: {right}.",
        "",
        _sharing(models),
    )


def _sharing(models: ModelSet) -> str:
    contracts = {model.contract for model in models.values()}
    tensors = "1 input tensor" if len(contracts) == 1 else f"{len(contracts)} input tensors"
    return _lines(
        f"Each frame was decoded once and made into {tensors} for {len(models)} models: one per",
        "distinct input contract. Each model ran its own whole graph, though their trunks are the",
        "same: running a shared trunk once is not in this version.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _lines(*lines: str) -> str:
    return "\n".join(lines)
