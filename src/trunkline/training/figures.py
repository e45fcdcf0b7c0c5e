# SPDX-License-Identifier: Apache-2.0
"""What an evaluation consists of: plain frozen values, all of which become JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from trunkline.training.calibration_curve import Calibration
    from trunkline.training.labelerrors import Doubt
    from trunkline.training.metrics import Curve

__all__ = ["Confusion", "Evaluation", "Figure", "Mistake", "Said", "Suggestion", "TagFigures"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A share, and its spread over folds.

    Attributes:
        value: Over all pictures at once, 0 to 1; None where it is undefined.
        mean: The mean over the folds in which it is defined; None without folds.
        deviation: The standard deviation over those folds (of a sample: n - 1 below the line);
            None for fewer than two.
    """

    value: float | None
    mean: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True)
class TagFigures:
    """How well one tag is told.

    Attributes:
        name: The tag.
        pictures: How many pictures have it.
        predicted: For how many pictures it is predicted at the threshold.
        found: How many of those have it (true positives).
        precision: The share of the predicted that is right.
        recall: The share of its pictures that is found.
        average_precision: The area under its precision-recall curve, whatever the threshold.
        curve: Precision and recall at every probability that occurs, at most 64 of them.
        sweep: Precision and recall at the thresholds of the evaluation's sweep.
    """

    name: str
    pictures: int
    predicted: int
    found: int
    precision: Figure
    recall: Figure
    average_precision: Figure
    curve: Curve
    sweep: Curve


@dataclass(frozen=True, slots=True)
class Confusion:
    """Pictures with one tag for which another was the most probable.

    Attributes:
        tagged: The tag they have.
        said: The most probable one.
        count: How many.
    """

    tagged: str
    said: str
    count: int


@dataclass(frozen=True, slots=True)
class Said:
    """One tag and how probable it is, 0 to 1."""

    tag: str
    probability: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An untagged picture that is worth a tag.

    Attributes:
        source: Where it came from.
        said: What the model makes of it, at most three tags from most to least probable.
    """

    source: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that was told wrongly.

    Attributes:
        index: Its row.
        source: Where it came from.
        tagged: The tags it has.
        said: Multiclass: the most probable tags, at most three, the first of them wrong.
            Multilabel: the tags that are predicted and wrong, or not predicted and right; the
            worst first, at most three.
        error: By how much the probabilities are off, 0 to 1.
    """

    index: int
    source: str
    tagged: tuple[str, ...]
    said: tuple[Said, ...]
    error: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a classifier tells pictures whose tags are known.

    ``precision``, ``recall`` and ``average_precision``, over all and per tag, with ``deviation``,
    are what the service's ``IterationPerformance`` and ``TagPerformance`` hold; there, what is
    undefined is 0.

    Attributes:
        task: ``"multiclass"`` or ``"multilabel"``.
        threshold: The least probability that counts as a prediction, 0 to 1.
        labels: The tags that can be told.
        pictures: How many pictures there are.
        folds: How many folds they were told in; 0 if it was all at once.
        right: Multiclass: for how many pictures the most probable tag is right. Multilabel: for
            how many the tags at the threshold are exactly those of the picture.
        accuracy: The share of them.
        accuracy_interval: Its 95 % interval (Wilson); None without pictures.
        precision: The share of all predictions that is right.
        recall: The share of all tags on pictures that is predicted.
        average_precision: The mean over the tags that pictures have (mAP).
        tags: The same for each tag, in the order of ``labels``.
        sweep: Precision and recall at thresholds 0.05 apart, and at ``threshold``.
        curve: Precision and recall at every probability that occurs, at most 64 of them.
        confusion_matrix: Multiclass: how many pictures with the tag of the row were given the tag
            of the column; empty for multilabel, whose ``tags`` have all counts.
        confusions: What is off the matrix's diagonal, the most frequent first.
        calibration: Whether the probabilities can be trusted: of the most probable tag
            (multiclass), or of every tag (multilabel).
        mistakes: The pictures that it got most wrong, the worst first.
        doubts: Tags that are likely wrong, the likeliest first.
    """

    task: Literal["multiclass", "multilabel"]
    threshold: float
    labels: tuple[str, ...]
    pictures: int
    folds: int
    right: int
    accuracy: Figure
    accuracy_interval: tuple[float, float] | None
    precision: Figure
    recall: Figure
    average_precision: Figure
    tags: tuple[TagFigures, ...]
    sweep: Curve
    curve: Curve
    confusion_matrix: tuple[tuple[int, ...], ...]
    confusions: tuple[Confusion, ...]
    calibration: Calibration
    mistakes: tuple[Mistake, ...]
    doubts: tuple[Doubt, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; what is undefined is None."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
