# SPDX-License-Identifier: Apache-2.0
"""The page's part about each tag: bars, small curves, and what is taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.training.report.elements import Element, element, percent, put
from trunkline.training.report.headline import at_threshold
from trunkline.training.report.plots import bar, small_plot

if TYPE_CHECKING:
    from trunkline.training.figures import Evaluation, Figure, TagFigures

__all__ = ["MOST_PLOTS", "confusion_table", "confusions_list", "small_plots", "tag_table"]

MOST_PLOTS = 24
"""How many tags have a small plot of their own."""
_MOST_CELLS = 30  # a larger matrix could not be read
_MOST_CONFUSIONS = 10


def tag_table(evaluation: Evaluation) -> Element:
    """Return a table with one row per tag: how many pictures, precision, recall, average."""
    heads = ("Tag", "Pictures", "Precision", "Recall", "Average precision")
    body = element("tbody", *(_tag_row(tag, evaluation) for tag in evaluation.tags))
    row = element("tr", *(element("th", name, scope="col") for name in heads))
    return element("table", element("thead", row), body, class_="tags")


def small_plots(evaluation: Evaluation) -> Element:
    """Return the precision-recall curve of each tag, of at most 24 the worst first."""
    at = evaluation.sweep.thresholds.index(evaluation.threshold)
    known = [tag for tag in evaluation.tags if tag.average_precision.value is not None]
    known.sort(key=lambda tag: tag.average_precision.value or 0)
    figures = [
        element(
            "figure",
            small_plot(tag.name, tag.curve, tag.sweep, at),
            element(
                "figcaption",
                element("span", tag.name, class_="name"),
                element("b", percent(tag.average_precision.value, 0)),
            ),
        )
        for tag in known[:MOST_PLOTS]
    ]
    return element("div", *figures, class_="small")


def confusion_table(evaluation: Evaluation) -> Element | None:
    """Return the confusion matrix as a heat map; None where it is empty or too large to read."""
    matrix = evaluation.confusion_matrix
    if not matrix or len(matrix) > _MOST_CELLS:
        return None
    tops = [element("th", element("span", name), scope="col") for name in evaluation.labels]
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(_cell(count, sum(counts), row == column) for column, count in enumerate(counts)),
        )
        for row, (name, counts) in enumerate(zip(evaluation.labels, matrix, strict=True))
    ]
    head = element("tr", element("td", "tagged ↓ answer →", class_="corner"), *tops)
    table = element("table", element("thead", head), element("tbody", *rows), class_="confusion")
    return element("div", table, class_="scroll", tabindex=0)


def confusions_list(evaluation: Evaluation) -> Element:
    """Return the most frequent confusions in words."""
    if not evaluation.confusions:
        return element("p", "No picture was taken for another tag.")
    lines = [
        element(
            "li",
            element("span", element("b", each.tagged), " taken for ", element("b", each.said)),
            element("span", f"{each.count} ×", class_="count"),  # noqa: RUF001 - times
        )
        for each in evaluation.confusions[:_MOST_CONFUSIONS]
    ]  # fmt: skip
    return element("ol", *lines, class_="confusions")


def _tag_row(tag: TagFigures, evaluation: Evaluation) -> Element:
    sweeps = (tag.sweep.precision, tag.sweep.recall)
    precision, recall = (at_threshold(each, evaluation, 0) for each in sweeps)
    average = element("span", percent(tag.average_precision.value, 0))
    return element(
        "tr",
        element("th", tag.name, scope="row"),
        element("td", str(tag.pictures), class_="pictures"),
        _figure("precision", tag.precision, precision, sweeps[0]),
        _figure("recall", tag.recall, recall, sweeps[1]),
        _figure("average", tag.average_precision, average),
    )


def _figure(
    kind: str, figure: Figure, shown: Element, sweep: tuple[float | None, ...] = ()
) -> Element:
    widths = " ".join(f"{100 * (share or 0):.1f}" for share in sweep)
    value = element("div", shown, class_="value")
    if figure.deviation is not None:
        put(
            value,
            element("small", f" ± {100 * figure.deviation:.0f}", class_="only" if sweep else ""),
        )
    name = {"average": "AP"}.get(kind, kind)
    return element("td", value, bar(kind, figure, widths), data_name=name)


def _cell(count: int, total: int, diagonal: bool) -> Element:  # noqa: FBT001 - where it stands
    heat = round(10 * count / total) if total else 0
    if count:
        heat = max(heat, 1)
    kind = "right" if diagonal else "wrong"
    return element("td", str(count) if count else "", class_=f"{kind} heat{heat}")
