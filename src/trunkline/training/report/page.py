# SPDX-License-Identifier: Apache-2.0
"""The page: one file, which asks nothing of any other and lets nothing in.

A Content-Security-Policy forbids whatever is not named: pictures are data within the page, and the
one style sheet and the one script are allowed by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.training.report.elements import Element, element, markup
from trunkline.training.report.galleries import doubt_cards, mistake_cards, suggestion_cards
from trunkline.training.report.headline import head, threshold_slider, tiles
from trunkline.training.report.plots import (
    learning_plot,
    precision_recall_plot,
    reliability_plot,
)
from trunkline.training.report.tags import (
    MOST_PLOTS,
    confusion_table,
    confusions_list,
    small_plots,
    tag_table,
)
from trunkline.training.report.thumbnails import thumbnail
from trunkline.training.report.words import calibration_words, learning_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trunkline.training.curves import LearningCurve
    from trunkline.training.figures import Evaluation, Suggestion

__all__ = ["Report", "render_report", "write_report"]

_MOST_CARDS = 12
_MOST_BESIDE = 8  # a matrix of more tags takes the page's width


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported.

    Attributes:
        title: What was evaluated: the model's name.
        evaluation: How well it does.
        remarks: What else must be said, as sentences: pictures left out, tags without pictures.
        facts: Names and values for the foot of the page: the trunk, the head, the time it took.
        suggestions: Untagged pictures to tag next, the most useful first.
        learning: What more pictures would bring; None where that was not measured.
    """

    title: str
    evaluation: Evaluation
    remarks: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    learning: LearningCurve | None = None


def write_report(report: Report, path: Path, read: Callable[[str], bytes]) -> None:
    """Write a report as one HTML file, all of it or nothing.

    Args:
        report: What to report.
        path: The file; one that is there is replaced.
        read: Gives the bytes of the picture with a source; OSError and PictureError are taken for
            a picture that cannot be shown.

    Raises:
        OSError: The file cannot be written.
    """
    content = render_report(report, read).encode("utf-8", "backslashreplace")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)  # mkstemp's is for its owner alone
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def render_report(report: Report, read: Callable[[str], bytes]) -> str:
    """Return a report as HTML; see ``write_report``."""
    style, script = _asset("style.css"), _asset("threshold.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="generator", content="Trunkline"),
            element("title", f"{report.title}: evaluation"),
            element("style", style),
        ),
        element(
            "body",
            element("main", *_parts(report, read), class_=report.evaluation.task),
            element("script", script),
        ),
        lang="en",
    )
    return markup(page)


def _parts(report: Report, read: Callable[[str], bytes]) -> Iterator[Element]:
    evaluation = report.evaluation
    yield head(report.title, evaluation, report.remarks)
    yield tiles(evaluation)
    yield threshold_slider(evaluation)
    yield _section("Tags", tag_table(evaluation), note=_spread_note(evaluation))
    plots = list(_plots(report))
    yield element("div", *plots, class_=f"columns of{len(plots)}")
    yield _section("Tag by tag", small_plots(evaluation), note=_small_note(evaluation))
    yield from _confusion(evaluation)
    yield from _galleries(report, partial(thumbnail, read=read))
    yield _foot(report)


def _plots(report: Report) -> Iterator[Element]:
    evaluation = report.evaluation
    at = evaluation.sweep.thresholds.index(evaluation.threshold)
    yield _section(
        "Precision and recall",
        precision_recall_plot(evaluation.curve, evaluation.sweep, at),
        note="All tags together. The dot is the threshold: a lower one finds more of the tags and "
        "is wrong more often.",
    )
    yield _section(
        "Can the probabilities be trusted?",
        reliability_plot(evaluation.calibration),
        note=f"{calibration_words(evaluation)} On the dashed line they would be "
        "exactly right; the fuller a bar's colour, the more predictions.",
    )
    if report.learning is not None:
        plot = learning_plot(report.learning) if report.learning.points else element("p")
        yield _section("What more pictures would bring", plot, note=learning_words(report.learning))


def _confusion(evaluation: Evaluation) -> Iterator[Element]:
    if evaluation.task == "multiclass":
        yield _section(
            "What is taken for what",
            element(
                "div",
                confusion_table(evaluation),
                confusions_list(evaluation),
                class_="taken" if len(evaluation.labels) <= _MOST_BESIDE else "taken below",
            ),
            note="By the most probable tag, whatever the threshold.",
        )


def _galleries(report: Report, small: Callable[[str], str | None]) -> Iterator[Element]:
    evaluation = report.evaluation
    if evaluation.mistakes:
        yield _section(
            "The most wrong",
            mistake_cards(evaluation.mistakes[:_MOST_CARDS], small),
            note=_shown(len(evaluation.mistakes)),
        )
    if evaluation.doubts:
        yield _section(
            "Tags to check",
            doubt_cards(evaluation.doubts[:_MOST_CARDS], small),
            note="The model, which did not learn from these tags, is sure of something else. "
            f"{_shown(len(evaluation.doubts))}",
        )
    if report.suggestions:
        yield _section(
            "Tag these next",
            suggestion_cards(report.suggestions[:_MOST_CARDS], small),
            note="Untagged pictures that the model is unsure of, no two alike.",
        )


def _foot(report: Report) -> Element:
    facts = [
        part for name, value in report.facts for part in (element("dt", name), element("dd", value))
    ]
    made = element("p", "Made by Trunkline. This page holds all that it shows, and asks no one.")
    return element("footer", element("dl", *facts) if facts else None, made)


def _section(title: str, *content: Element, note: str = "") -> Element:
    words = element("p", note, class_="note") if note else None
    return element("section", element("h2", title), words, *content, class_="card-box")


def _spread_note(evaluation: Evaluation) -> str:
    if not evaluation.folds:
        return "At the probability threshold; average precision does not depend on it."
    return f"± and the thin lines: the standard deviation over {evaluation.folds} folds."


def _small_note(evaluation: Evaluation) -> str:
    more = f" The {MOST_PLOTS} lowest are shown." if len(evaluation.labels) > MOST_PLOTS else ""
    return f"Precision over recall, and average precision, the lowest first.{more}"


def _shown(number: int) -> str:
    return f"{_MOST_CARDS} of {number} are shown." if number > _MOST_CARDS else ""


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
