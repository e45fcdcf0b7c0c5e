# SPDX-License-Identifier: Apache-2.0
"""A finished model, asked about pictures whose tags are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trunkline.errors import PictureError, TrainingError, UnsupportedExportError
from trunkline.predictions import Classification
from trunkline.training.evaluation import DEFAULT_THRESHOLD, Evaluation, evaluate
from trunkline.training.figures import Suggestion
from trunkline.training.inbox import next_to_tag
from trunkline.training.listing import clean_tag
from trunkline.training.mistakes import most_probable
from trunkline.training.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from trunkline.engine.modelset import ModelSet
    from trunkline.models import Model
    from trunkline.training.picture import Picture
    from trunkline.training.pictureset import PictureSet, TrainingTask

    Progress = Callable[[], None]

__all__ = ["Judgement", "check_classifier", "judge"]

_SUGGESTED = 12
_NAMED = 10  # tags that a remark names before it counts


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of asking a finished model.

    Attributes:
        evaluation: How well it did.
        suggestions: The untagged pictures that are worth a tag, the most useful first.
        remarks: What must be known to read the figures, as sentences: tags that the model does not
            know, and tags without pictures.
        problems: The pictures that could not be decoded, and why.
    """

    evaluation: Evaluation
    suggestions: tuple[Suggestion, ...]
    remarks: tuple[str, ...]
    problems: tuple[Problem, ...]


def judge(
    models: ModelSet,
    name: str,
    pictures: PictureSet,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    asked: Progress = lambda: None,
) -> Judgement:
    """Ask a model about every picture, and compare its answers with the tags.

    Args:
        models: A set that holds the model.
        name: Which model.
        pictures: Read for the model's task.
        threshold: The least probability that counts as a prediction, 0 to 1.
        asked: Called after each picture, tagged or not.

    Raises:
        UnsupportedExportError: The model is a detector.
        TrainingError: No picture has a tag that the model knows.
    """
    model = models[name]
    task = check_classifier(model)
    columns = _columns(model.labels, pictures.named)
    usable = [each for each in pictures.pictures if not each.tags or each.tags & columns.keys()]
    if not usable:
        raise TrainingError(pictures.source, _strangers(pictures, model))
    problems: list[Problem] = []
    kept, probabilities = _ask(models, name, usable, problems, asked)
    if not kept:
        raise TrainingError(
            pictures.source, f"none of its pictures can be read; the first fault: {problems[0]}"
        )
    evaluation = evaluate(
        probabilities,
        _truth(kept, columns, len(model.labels)),
        model.labels,
        task=task,
        threshold=threshold,
        sources=[picture.source for picture in kept],
    )
    suggestions = _suggestions(models, model, pictures.untagged, problems, asked)
    remarks = (
        *_other_spellings(pictures, columns, model.labels),
        *_unknown_tags(pictures, columns, len(pictures.pictures) - len(usable)),
        *_unseen_labels(evaluation),
    )
    return Judgement(evaluation, suggestions, remarks, tuple(problems))


def _truth(
    pictures: Sequence[Picture], columns: Mapping[str, int], labels: int
) -> NDArray[np.bool_]:
    truth = np.zeros((len(pictures), labels), bool)
    for row, picture in enumerate(pictures):
        truth[row, [columns[tag] for tag in picture.tags if tag in columns]] = True
    return truth


def _columns(labels: Sequence[str], tags: Iterable[str]) -> dict[str, int]:
    """Return, for each tag that the model knows, its column.

    A tag that differs from a label in capitals alone, and from one label only, is that label's:
    the service kept the two apart, but folders are often named by other people.
    """
    exact = {clean_tag(label): column for column, label in enumerate(labels)}
    alike: dict[str, list[int]] = {}
    for label, column in exact.items():
        alike.setdefault(label.casefold(), []).append(column)
    columns = {}
    for tag in tags:
        found = [exact[tag]] if tag in exact else alike.get(tag.casefold(), [])
        if len(found) == 1:
            columns[tag] = found[0]
    return columns


def _other_spellings(
    pictures: PictureSet, columns: Mapping[str, int], labels: Sequence[str]
) -> Iterator[str]:
    taken = [
        f"{tag!r} for {labels[columns[tag]]!r}"
        for tag in pictures.named
        if tag in columns and clean_tag(labels[columns[tag]]) != tag
    ]
    if taken:
        yield f"Tags were taken for labels that differ in capitals: {', '.join(taken[:_NAMED])}."


def check_classifier(model: Model) -> TrainingTask:
    """Return a classifier's task.

    Raises:
        UnsupportedExportError: It is a detector.
    """
    if model.task == "detection":
        raise UnsupportedExportError(
            model.source,
            "this is a detector, and only classifiers can be evaluated; trunkline predict shows "
            "what it finds",
        )
    return model.task


def _ask(
    models: ModelSet,
    name: str,
    pictures: Iterable[Picture],
    problems: list[Problem],
    asked: Progress,
) -> tuple[list[Picture], NDArray[np.float32]]:
    """Return the pictures that could be read with their probabilities, and report the others."""
    kept, rows = [], []
    for picture in pictures:
        try:
            answer = models.predict(picture.read())[name]
        except PictureError as error:
            problems.append(Problem.of(error, picture.source))
        else:
            if isinstance(answer, Classification):
                kept.append(picture)
                rows.append(answer.probabilities)
        asked()
    return kept, np.array(rows, np.float32).reshape(len(rows), len(models[name].labels))


def _suggestions(
    models: ModelSet,
    model: Model,
    untagged: Sequence[Picture],
    problems: list[Problem],
    asked: Progress,
) -> tuple[Suggestion, ...]:
    kept, probabilities = _ask(models, model.name, untagged, problems, asked)
    # A finished model does not give its features away. Pictures of which it says the same are
    # alike to it; the roots make the distance Hellinger's.
    chosen = next_to_tag(
        probabilities, np.sqrt(probabilities), _SUGGESTED, task=check_classifier(model)
    )
    return tuple(
        Suggestion(kept[row].source, most_probable(probabilities[row], model.labels))
        for row in chosen
    )


def _strangers(pictures: PictureSet, model: Model) -> str:
    theirs = _listed(pictures.named) or "none"
    return (
        f"no picture has a tag that the model knows. The model knows {_listed(model.labels)}; the "
        f"pictures' tags are {theirs}. Give pictures with the model's tags"
    )


def _unknown_tags(pictures: PictureSet, columns: Mapping[str, int], left: int) -> Iterator[str]:
    unknown = [tag for tag in pictures.named if tag not in columns]
    if unknown:
        with_others = f"; {left} pictures without any other tag were left out" if left else ""
        yield f"The model does not know {_listed(unknown)}{with_others}."


def _unseen_labels(evaluation: Evaluation) -> Iterator[str]:
    unseen = [tag.name for tag in evaluation.tags if not tag.pictures]
    if unseen:
        yield f"There are no pictures of {_listed(unseen)}, so their figures are missing."


def _listed(tags: Sequence[str]) -> str:
    shown = ", ".join(repr(tag) for tag in tags[:_NAMED])
    return f"{shown} and {len(tags) - _NAMED} more" if len(tags) > _NAMED else shown
