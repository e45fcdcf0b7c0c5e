# SPDX-License-Identifier: Apache-2.0
"""How well a model does, in words, for the verbs that train and evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from trunkline.cli.columns import Row, columns
from trunkline.cli.words import counted, one_line, percent
from trunkline.training.report.words import (
    calibration_words,
    doubt_words,
    learning_words,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trunkline.training.curves import LearningCurve
    from trunkline.training.figures import Evaluation, Figure, Mistake, Said, Suggestion
    from trunkline.training.labelerrors import Doubt

__all__ = ["evaluation_lines"]

_SHOWN = 5
_UNDEFINED = "-"


def evaluation_lines(
    evaluation: Evaluation,
    *,
    suggestions: Sequence[Suggestion] = (),
    learning: LearningCurve | None = None,
) -> Iterator[Text]:
    """Yield the figures, and a few of the pictures that are behind them.

    Args:
        evaluation: How well the model does.
        suggestions: Untagged pictures that are worth a tag.
        learning: What more pictures would bring; None where that was not measured.
    """
    yield Text(verdict(evaluation))
    yield Text()
    yield from _table(evaluation)
    yield Text()
    yield Text(_threshold_words(evaluation), "dim")
    yield Text(calibration_words(evaluation))
    if learning is not None:
        yield Text(learning_words(learning))
    confusions = [
        (f"{one_line(each.tagged)} taken for {one_line(each.said)}", counted(each.count, "time"))
        for each in evaluation.confusions
    ]
    yield from _list("taken for something else", confusions)
    row = _confused_row if evaluation.task == "multiclass" else _off_row
    yield from _list("most wrong", map(row, evaluation.mistakes))
    yield from _list("tags to check", map(_doubt_row, evaluation.doubts))
    yield from _list(
        "tag these next", ((one_line(each.source), _said(each.said)) for each in suggestions)
    )


def _table(evaluation: Evaluation) -> Iterator[Text]:
    rows: list[Row] = [("tag", "pictures", "precision", "recall", "average precision")]
    rows.append(
        (
            "all",
            str(evaluation.pictures),
            _share(evaluation.precision),
            _share(evaluation.recall),
            _share(evaluation.average_precision),
        )
    )
    rows.extend(
        (
            f"  {one_line(tag.name)}",
            str(tag.pictures),
            _share(tag.precision),
            _share(tag.recall),
            _share(tag.average_precision),
        )
        for tag in evaluation.tags
    )
    return columns(rows, left=1, styles=["bold", "cyan", *[""] * len(evaluation.tags)])


def _threshold_words(evaluation: Evaluation) -> str:
    words = f"A tag is predicted from a probability of {100 * evaluation.threshold:g} % on."
    if not evaluation.folds:
        return words
    spread = f"± is the standard deviation over {counted(evaluation.folds, 'fold')}."
    return f"{words} {spread}"


def _share(figure: Figure) -> str:
    if figure.value is None:
        return _UNDEFINED
    spread = "" if figure.deviation is None else f" ± {100 * figure.deviation:4.1f}"
    return f"{percent(figure.value)}{spread}"


def _confused_row(mistake: Mistake) -> Row:
    return one_line(mistake.source), _tagged(mistake), f"said {_said(mistake.said)}"


def _off_row(mistake: Mistake) -> Row:
    """Return a multilabel model's mistake: tags that it missed, and that it made up."""
    off = (
        f"{'missed' if each.tag in mistake.tagged else 'said'} {_said([each])}"
        for each in mistake.said
    )
    return one_line(mistake.source), _tagged(mistake), ", ".join(off)


def _tagged(mistake: Mistake) -> str:
    return f"tagged {', '.join(map(one_line, mistake.tagged)) or 'nothing'}"


def _doubt_row(doubt: Doubt) -> Row:
    return one_line(doubt.source), f"{one_line(doubt_words(doubt))} ({percent(doubt.probability)})"


def _said(said: Iterable[Said]) -> str:
    return ", ".join(f"{one_line(each.tag)} {percent(each.probability)}" for each in said)


def _list(title: str, rows: Iterable[Row]) -> Iterator[Text]:
    every = list(rows)
    if not every:
        return
    more = f", {_SHOWN} of {len(every)}" if len(every) > _SHOWN else ""
    yield Text()
    yield Text(f"{title}{more}", "bold")
    for line in columns(every[:_SHOWN], left=len(every[0])):
        yield Text("  ").append_text(line)
