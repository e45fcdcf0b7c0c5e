# SPDX-License-Identifier: Apache-2.0
"""The head of the page: what was evaluated, the figures that count, and the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.training.report.elements import Element, element, percent, put
from trunkline.training.report.words import counted, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.training.figures import Evaluation, Figure

__all__ = ["at_threshold", "head", "threshold_slider", "tiles"]


def head(title: str, evaluation: Evaluation, remarks: Iterable[str]) -> Element:
    """Return the title, one sentence that says how good it is, and what else must be said."""
    facts = [
        counted(evaluation.pictures, "picture"),
        counted(len(evaluation.labels), "tag"),
        evaluation.task,
        *([counted(evaluation.folds, "fold")] if evaluation.folds else []),
    ]
    notes = [element("li", remark) for remark in remarks]
    return element(
        "header",
        element("p", "Evaluation", class_="eyebrow"),
        element("h1", title),
        element("p", " · ".join(facts), class_="facts"),
        element("p", verdict(evaluation), class_="verdict"),
        element("ul", *notes, class_="remarks") if notes else None,
    )


def tiles(evaluation: Evaluation) -> Element:
    """Return the headline figures."""
    sweep, error = evaluation.sweep, evaluation.calibration.expected_error
    exclusive = evaluation.task == "multiclass"
    return element(
        "section",
        _tile(
            "Accuracy",
            element("span", percent(evaluation.accuracy.value)),
            evaluation.accuracy,
            "most probable tag is right" if exclusive else "all tags of a picture are right",
        ),
        _tile(
            "Precision",
            at_threshold(sweep.precision, evaluation),
            evaluation.precision,
            "of the predicted tags are right",
            "precision",
        ),
        _tile(
            "Recall",
            at_threshold(sweep.recall, evaluation),
            evaluation.recall,
            "of the pictures' tags are found",
            "recall",
        ),
        _tile(
            "Average precision",
            element("span", percent(evaluation.average_precision.value)),
            evaluation.average_precision,
            "mean over the tags (mAP), at any threshold",
            "average",
        ),
        _tile(
            "Calibration error",
            element("span", percent(error)),
            None,
            "probabilities are off by, on average",
        ),
        class_="tiles",
    )


def threshold_slider(evaluation: Evaluation) -> Element:
    """Return the slider that the page's script listens to; without scripts it is not shown."""
    steps = evaluation.sweep.thresholds
    slider = element(
        "input", type="range", id="threshold", min=0, max=len(steps) - 1, step=1,
        value=steps.index(evaluation.threshold), autocomplete="off",
        aria_label="Probability threshold",
    )  # fmt: skip
    shown = at_threshold(steps, evaluation, decimals=0)
    return element(
        "label",
        element("span", "Probability threshold ", element("b", shown)),
        slider,
        element(
            "small",
            "A tag counts as predicted from this probability on. Precision and recall follow.",
        ),
        class_="slider",
    )


def at_threshold(
    values: tuple[float | None, ...], evaluation: Evaluation, decimals: int = 1
) -> Element:
    """Return a share at the evaluation's threshold that follows the slider.

    Args:
        values: The share at each threshold of the sweep.
        evaluation: What is reported.
        decimals: How many decimals are shown.
    """
    texts = [percent(value, decimals) for value in values]
    at = evaluation.sweep.thresholds.index(evaluation.threshold)
    return element("span", texts[at], data_text="|".join(texts))


def _tile(
    name: str, value: Element, figure: Figure | None, meaning: str, kind: str = ""
) -> Element:
    tile = element("div", element("h2", name), class_=f"tile {kind}".rstrip())
    big = put(element("p", class_="big"), value)
    spread = figure.deviation if figure else None
    if spread is not None:
        follows = "data-text" in value.attrib
        mark = element("small", f" ± {100 * spread:.1f}", class_="only" if follows else "")
        put(big, mark)
    return put(tile, big, element("p", meaning, class_="meaning"))
