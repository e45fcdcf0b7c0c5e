# SPDX-License-Identifier: Apache-2.0
"""What ``trunkline bench`` measured, in words and as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from trunkline.cli.columns import Row, columns
from trunkline.cli.words import amount, counted
from trunkline.engine.cores import available_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.engine.comparison import Comparison, Side

__all__ = ["headline", "result_lines", "result_values"]

_PERCENTS = (50, 95, 99)


def headline(models: int, pictures: int, seconds: float) -> Text:
    """Return what will be measured, on one line."""
    cores = counted(available_cores(), "core")
    what = f"{counted(models, 'model')}, {counted(pictures, 'picture')}, {cores}"
    return Text(f"{what}; timed for {seconds:g} s\n")


def result_lines(found: Comparison) -> Iterator[Text]:
    """Yield a table with one row for each side, and what it comes to."""
    heads: Row = ("", "callers", "frames/s", *(f"p{p}" for p in _PERCENTS), "memory")
    sides = [_row(side) for side in (found.together, found.apart, found.throughput)]
    yield from columns([heads, *sides], left=1, styles=["bold", "", "", ""])
    yield Text()
    yield Text(_conclusion(found))
    yield Text(f"Largest difference in any answer: {found.largest_difference:.2g}.")
    steps = found.steps
    yield Text(
        f"A frame, together: decoding {_ms(steps.decoding)}, input tensors "
        f"{_ms(steps.input_tensors)}, trunks and heads {_ms(steps.networks)}."
    )


def result_values(found: Comparison, models: int, pictures: int) -> dict[str, Any]:
    """Return all of it as plain values, ready for JSON; times in seconds."""
    return {
        "models": models,
        "pictures": pictures,
        "cores": available_cores(),
        "together": _side_values(found.together),
        "apart": _side_values(found.apart),
        "throughput": _side_values(found.throughput),
        "largest_difference": found.largest_difference,
        "steps": asdict(found.steps),
    }


def _side_values(side: Side) -> dict[str, Any]:
    timing = side.timing
    return {
        "optimise": side.setting.optimise,
        "callers": side.setting.threads,
        "frames": len(timing.latencies),
        "seconds": timing.seconds,
        "frames_per_second": timing.frames_per_second,
        "latency": {f"p{percent}": timing.percentile(percent) for percent in _PERCENTS},
        "memory_bytes": side.memory_bytes,
    }


def _row(side: Side) -> Row:
    timing = side.timing
    return (
        side.setting.name,
        str(side.setting.threads),
        f"{timing.frames_per_second:.3g}",
        *(_ms(timing.percentile(percent)) for percent in _PERCENTS),
        "-" if side.memory_bytes is None else amount(side.memory_bytes, "B"),
    )


def _conclusion(found: Comparison) -> str:
    faster = found.together.timing.frames_per_second / found.apart.timing.frames_per_second
    sentence = f"Together answers {faster:.3g} times as many frames as apart"
    here, there = found.together.memory_bytes, found.apart.memory_bytes
    if here is None or there is None:
        return f"{sentence}."
    return f"{sentence}, in {here / there:.2g} times the memory."


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
