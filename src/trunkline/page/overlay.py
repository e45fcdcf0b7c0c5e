# SPDX-License-Identifier: Apache-2.0
"""Answers as HTML: boxes and bars over a picture, and every model's answer beside it.

Labels and names are whatever a user's files say: all of them are escaped here.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from trunkline.page.words import counted, percent, shown, sound
from trunkline.predictions import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trunkline.predictions import Box, Classification, Prediction

__all__ = ["answers_html", "boxes_html", "colour", "overlay_html"]

# Okabe and Ito's colours, which people with any colour vision can tell apart (without black).
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
_NEED_WHITE = {"#0072b2"}  # on which black text has a contrast below 4.5
_MOST_BOXES = 100
_MOST_BARS = 3
_MOST_LABELS = 3
_CERTAIN = 0.5  # a multilabel model says yes to a label from here on


def colour(model: str) -> str:
    """Return a model's colour, by its name, as CSS writes it."""
    return _COLOURS[crc32(model.encode("utf-8", "replace")) % len(_COLOURS)]


def boxes_html(answers: Mapping[str, Prediction]) -> str:
    """Return detectors' boxes, to be laid over a picture.

    Args:
        answers: By model name.
    """
    return "".join(
        _box(box, colour(model))
        for model, answer in answers.items()
        if isinstance(answer, Detection)
        for box in answer.boxes[:_MOST_BOXES]
    )


def overlay_html(answers: Mapping[str, Prediction]) -> str:
    """Return what is laid over a picture: boxes of detectors, and a bar for each classifier.

    Where there are many classifiers, the first few have a bar and the rest are counted.

    Args:
        answers: By model name.
    """
    boxes = boxes_html(answers)
    classified = [(m, a) for m, a in answers.items() if not isinstance(a, Detection)]
    rows = "".join(_bar_over(model, answer) for model, answer in classified[:_MOST_BARS])
    more = len(classified) - _MOST_BARS
    if more > 0:
        rows += f'<li class="tl-more">and {counted(more, "more model")}, below</li>'
    return f'{boxes}<ul class="tl-bars">{rows}</ul>' if rows else boxes


def answers_html(answers: Mapping[str, Prediction]) -> str:
    """Return every model's answer, as a list.

    Args:
        answers: By model name.
    """
    items = "".join(_answer(model, answer) for model, answer in answers.items())
    return f'<ul class="tl-answers">{items}</ul>'


def _box(box: Box, shade: str) -> str:
    left, top = sound(box.left), sound(box.top)
    width = min(1 - left, max(0.0, box.left + box.width - left))
    height = min(1 - top, max(0.0, box.top + box.height - top))
    place = f"left:{left:.2%};top:{top:.2%};width:{width:.2%};height:{height:.2%}"
    spot = " tl-inside" if top < 0.08 else ""
    ink = "#fff" if shade in _NEED_WHITE else "#000"
    return (
        f'<div class="tl-box{spot}" style="{place};--model:{shade};--text:{ink}">'
        f"<span>{_text(box.label)} {percent(box.probability)}</span></div>"
    )


def _bar_over(model: str, answer: Classification) -> str:
    said = _said(answer)[:2]
    words = ", ".join(f"{_text(label)} {percent(value)}" for label, value in said)
    return (
        f'<li style="--model:{colour(model)};--part:{sound(said[0][1]):.1%}">'
        f"<b>{_text(model)}</b> {words}</li>"
    )


def _answer(model: str, answer: Prediction) -> str:
    if isinstance(answer, Detection):
        found = counted(len(answer.boxes), "thing") if answer.boxes else "nothing"
        body = f'<p class="tl-found">{found} found</p>{_meters(_counted_boxes(answer.boxes))}'
    else:
        body = _meters(_ranked(answer)[:_MOST_LABELS])
    return (
        f'<li style="--model:{colour(model)}"><h3>{_text(model)}</h3>'
        f'<p class="tl-task">{answer.task}</p>{body}</li>'
    )


def _meters(scores: Sequence[tuple[str, float]]) -> str:
    return "".join(
        f'<div class="tl-meter" style="--part:{sound(value):.1%}"><span>{_text(label)}</span>'
        f"<span>{percent(value)}</span></div>"
        for label, value in scores
    )


def _counted_boxes(boxes: Sequence[Box]) -> list[tuple[str, float]]:
    """Return each label that was found, with how often, and its most probable box."""
    best: dict[str, list[float]] = {}
    for box in boxes:
        best.setdefault(box.label, []).append(box.probability)
    named = ((f"{n} × {label}" if n > 1 else label, p) for label, n, p in _most(best))  # noqa: RUF001
    return list(named)[:_MOST_LABELS]


def _most(found: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, int, float]]:
    for label, probabilities in found.items():
        yield label, len(probabilities), max(sound(each) for each in probabilities)


def _ranked(answer: Classification) -> list[tuple[str, float]]:
    values = np.nan_to_num(answer.probabilities)
    order = np.argsort(-values, kind="stable")
    return [(answer.labels[i], float(values[i])) for i in order]


def _said(answer: Classification) -> list[tuple[str, float]]:
    """Return what a model says: its best label, or every label that a multilabel one is sure of."""
    ranked = _ranked(answer)
    if answer.task == "multiclass":
        return ranked[:1]
    return [score for score in ranked if score[1] >= _CERTAIN] or ranked[:1]


def _text(text: str) -> str:
    return escape(shown(text))
