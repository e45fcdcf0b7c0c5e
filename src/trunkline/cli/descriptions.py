# SPDX-License-Identifier: Apache-2.0
"""A model in words, for ``trunkline inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from trunkline.cli.words import one_line
from trunkline.contracts import Preset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.contracts import InputContract
    from trunkline.models import Model

__all__ = ["contract_words", "describe"]

_LABELS_SHOWN = 10
_NO_MEAN = (0.0, 0.0, 0.0)
_NO_STD = (1.0, 1.0, 1.0)


def describe(model: Model) -> Text:
    """Return a model's name and, indented below, all that is known about it."""
    text = Text(one_line(model.name), "bold")
    for title, value in _lines(model):
        text.append(f"\n  {title:<10}", "cyan").append(one_line(value), "")
    return text.append("\n")


def contract_words(contract: InputContract) -> str:
    """Return an input contract on one line: size, rule, order, range, mean, layout and type."""
    parts = [
        f"{_size_words(contract)} by {contract.preset}",
        contract.order,
        f"0 to {contract.maximum:g}",
    ]
    if contract.mean != _NO_MEAN:
        parts.append(f"minus {_per_channel(contract, contract.mean)}")
    if contract.std != _NO_STD:
        parts.append(f"divided by {_per_channel(contract, contract.std)}")
    return ", ".join([*parts, f"{contract.layout} {contract.dtype}"])


def _lines(model: Model) -> Iterator[tuple[str, str]]:
    yield "source", model.source
    yield "format", model.format
    yield "task", model.task
    yield "labels", _label_words(model.labels)
    yield "input", contract_words(model.contract)
    for decision in model.decisions:
        yield "decided", f"{decision.what} is {decision.value}, because {decision.because}"
    for note in model.notes:
        yield "note", note


def _label_words(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:_LABELS_SHOWN])
    return f"{len(labels)}: {shown}{', ...' if len(labels) > _LABELS_SHOWN else ''}"


def _size_words(contract: InputContract) -> str:
    if contract.preset is Preset.DETECTOR_COMPACT:
        return f"as many pixels as {contract.width} x {contract.height}"
    return f"{contract.width} x {contract.height}"


def _per_channel(contract: InputContract, values: tuple[float, ...]) -> str:
    return " ".join(f"{c} {v:g}" for c, v in zip(contract.order, values, strict=True))
