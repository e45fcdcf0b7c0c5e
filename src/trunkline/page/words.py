# SPDX-License-Identifier: Apache-2.0
"""Numbers and names as a person reads them on the page."""

from __future__ import annotations

import math
import time
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "amount",
    "clock",
    "counted",
    "dropped_words",
    "duration",
    "model_name",
    "percent",
    "rate",
    "shown",
    "sound",
]

_LONGEST_NAME = 200


def shown(text: str) -> str:
    """Return a text as it can be sent to a browser: one line, in UTF-8, not endless."""
    joined = " ".join(text.encode("utf-8", "replace").decode().split())
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in joined)
    return clean if len(clean) <= _LONGEST_NAME else clean[: _LONGEST_NAME - 1] + "…"


def percent(probability: float) -> str:
    """Return a probability, 0 to 1, as ``"93 %"``; one that is no number as ``"0 %"``."""
    return f"{100 * sound(probability):.0f} %"


def sound(probability: float) -> float:
    """Return a probability between 0 and 1; 0 for one that is no number."""
    return min(1.0, max(0.0, probability)) if math.isfinite(probability) else 0.0


def amount(number: float) -> str:
    """Return a number, at least 0, with three digits and a word: ``"287 million"``."""
    word = ""
    for larger in ("thousand", "million", "billion", "trillion"):
        if number < 999.5:
            break
        number, word = number / 1000, larger
    return f"{number:.3g} {word}".rstrip()


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``"1 model"``, ``"3 models"``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Return a latency: ``"3.2 ms"``, ``"1.5 s"``, or a dash where it is not known."""
    if seconds is None or not math.isfinite(seconds):
        return "–"  # noqa: RUF001 - an empty cell, as typographers set it
    return f"{seconds:.3g} s" if seconds >= 0.9995 else f"{1000 * seconds:.3g} ms"


def rate(per_second: float) -> str:
    """Return answers per second: ``"14.9/s"``."""
    return f"{per_second:.1f}/s" if per_second < 99.95 else f"{per_second:.0f}/s"


def clock(at: float) -> str:
    """Return a time, in seconds since 1970, as this machine's clock shows it."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def dropped_words(dropped: Mapping[str, int]) -> str:
    """Return how many frames were dropped and why, or nothing where none was."""
    some = {shown(reason): number for reason, number in dropped.items() if number}
    if not some:
        return ""
    each = (f"{reason} ({number})" for reason, number in some.items())
    reasons = ", ".join(some if len(some) == 1 else each)
    return f"{counted(sum(some.values()), 'frame')} dropped: {reasons}"


def model_name(file: str) -> str:
    """Return what a model may be called, after its file: ``"tools.zip"`` becomes ``"tools"``."""
    return shown(PurePath(file).stem).strip(". ") or "model"
