# SPDX-License-Identifier: Apache-2.0
"""The demonstration's sentences: what was trained before it runs, and what was seen after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.demo.pictures import HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.demo.tally import Tally
    from trunkline.engine.modelset import ModelSet
    from trunkline.engine.plan import Plan
    from trunkline.training.figures import Figure
    from trunkline.training.trained import TrainedModel

__all__ = ["introduction", "summary"]


def introduction(trained: Sequence[TrainedModel], training: float, loading: float) -> str:
    """Say what the models are and where they come from.

    Args:
        trained: The models.
        training: Seconds that training and writing took.
        loading: Seconds that loading took.
    """
    one = trained[0].training
    return _lines(
        f"Drawn for this demonstration: {len(one.pictures.pictures)} pictures of a shape on a "
        "ground. Trained on them,",
        f"in {training:.1f} s: {len(trained)} models, each a new last layer on the trunk "
        f"{one.trunk}.",
        "With your own pictures: trunkline train pictures/ -o models/mine",
        "",
        *_table(trained),
        "",
        "Measured on pictures that were held out, each once, in "
        f"{one.evaluation.folds} folds. Written as {one.platform} exports,",
        f"loaded with trunkline.load in {loading:.1f} s.",
        f"Now a moving picture, {WIDTH} x {HEIGHT}, one JPEG per frame:",
        "",
    )


def _table(trained: Sequence[TrainedModel]) -> list[str]:
    rows: list[tuple[str, ...]] = [("model", "tags", "right", "precision", "recall")]
    rows += [
        (
            model.name,
            ", ".join(model.labels),
            *map(
                _figure,
                (model.evaluation.accuracy, model.evaluation.precision, model.evaluation.recall),
            ),
        )
        for model in trained
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def summary(models: ModelSet, tally: Tally, apart: float) -> str:
    """Say how fast and how right the models were, and what was done for it.

    Args:
        models: All of them together.
        tally: What was counted.
        apart: Frames per second with each model by itself.
    """
    median, slow = (1000 * tally.latency(percentile) for percentile in (50, 95))
    right = ", ".join(f"{name} {_percent(tally.accuracy(name))}" for name in models)
    return _lines(
        "",
        f"{_count(tally.frames, 'frame')} in {tally.elapsed:.1f} s: {tally.rate:.1f} frames per "
        f"second, from JPEG bytes to the answers of {len(models)} models.",
        f"Each model by itself, one after another: {apart:.1f} frames per second.",
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


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    spread = "" if figure.deviation is None else f" ± {100 * figure.deviation:.1f}"
    return f"{_percent(figure.value)}{spread}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _lines(*lines: str) -> str:
    return "\n".join(lines)
