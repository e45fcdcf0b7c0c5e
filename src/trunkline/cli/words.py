# SPDX-License-Identifier: Apache-2.0
"""Text for a person, out of text that may hold anything.

Labels and file names come from outside. They are shown as they are, except that what would
steer a terminal or break a line is shown as its escape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.predictions import Box, Prediction

__all__ = ["amount", "answer_words", "counted", "one_line", "percent"]

_CERTAIN = 0.5  # a multilabel model says yes to a label from here on
_BOXES_SHOWN = 5


def one_line(text: str) -> str:
    """Return a text on one line, with line breaks as spaces and other controls as escapes."""
    joined = " ".join(text.splitlines())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in joined)


def percent(probability: float) -> str:
    """Return a probability, 0 to 1, as a person reads it: ``"98.8 %"``."""
    return f"{100 * probability:.1f} %"


def amount(number: float, unit: str = "") -> str:
    """Return a number, at least 0, with three digits and a prefix: ``"287 M"``, ``"2.89 MB"``."""
    prefix = ""
    for larger in "kMGTP":
        if number < 999.5:
            break
        number, prefix = number / 1000, larger
    return f"{number:.3g} {prefix}{unit}".rstrip()


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``"1 model"``, ``"3 models"``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def answer_words(prediction: Prediction) -> str:
    """Return a prediction in words, on one line.

    A multiclass model's answer is its most probable label; a multilabel model's, every label of
    50 % or more; a detector's, how many boxes, and the most probable of them.
    """
    from trunkline.predictions import Detection  # brings numpy, which --help can do without

    if isinstance(prediction, Detection):
        return _box_words(prediction.boxes)
    best = _scored(prediction.label, prediction.probability)
    if prediction.task == "multiclass":
        return best
    certain = [
        _scored(label["label"], label["probability"])
        for label in prediction.to_dict()["labels"]
        if label["probability"] >= _CERTAIN
    ]
    return ", ".join(certain) or f"no label (best: {best})"


def _box_words(boxes: tuple[Box, ...]) -> str:
    if not boxes:
        return "no boxes"
    shown = ", ".join(_scored(box.label, box.probability) for box in boxes[:_BOXES_SHOWN])
    more = ", ..." if len(boxes) > _BOXES_SHOWN else ""
    return f"{len(boxes)} {'box' if len(boxes) == 1 else 'boxes'}: {shown}{more}"


def _scored(label: str, probability: float) -> str:
    return f"{one_line(label)} {percent(probability)}"
