# SPDX-License-Identifier: Apache-2.0
"""What a model says about a frame."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trunkline.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import supervision
    from numpy.typing import NDArray

__all__ = ["Box", "Classification", "Detection", "Prediction", "Task", "frame_values", "json_line"]

Task = Literal["multiclass", "multilabel", "detection"]


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """One classifier's answer for one frame.

    Attributes:
        task: ``"multiclass"`` (the probabilities sum to 1) or ``"multilabel"`` (each label on its
            own).
        labels: Every label the model knows, in the order of its output.
        probabilities: float32 array of shape (number of labels,), 0 to 1, in label order.
    """

    task: Literal["multiclass", "multilabel"]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]
    # The index of the most probable label, where whoever made this knows it already.
    _top: int = field(default=-1, repr=False)

    @property
    def label(self) -> str:
        """The most probable label."""
        return self.labels[self._top if self._top >= 0 else int(self.probabilities.argmax())]

    @property
    def probability(self) -> float:
        """The probability of the most probable label, 0 to 1."""
        return float(self.probabilities[self._top] if self._top >= 0 else self.probabilities.max())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON, the labels from most to least probable."""
        ranked = np.argsort(-self.probabilities, kind="stable")
        return {
            "task": self.task,
            "label": self.label,
            "probability": self.probability,
            "labels": [
                {"label": self.labels[i], "probability": float(self.probabilities[i])}
                for i in ranked
            ],
        }

    def to_supervision(self) -> supervision.Classifications:
        """Return the same answer as ``supervision.Classifications``; class ids are label indices.

        Raises:
            MissingExtraError: The package ``supervision`` is not installed.
        """
        answer: supervision.Classifications = _supervision().Classifications(
            class_id=np.arange(len(self.labels)), confidence=self.probabilities
        )
        return answer


@dataclass(frozen=True, slots=True)
class Box:
    """One thing a detector found.

    Attributes:
        label: What it is.
        probability: How sure the model is, 0 to 1.
        left: Left edge, as a fraction of the frame's width.
        top: Upper edge, as a fraction of the frame's height.
        width: As a fraction of the frame's width.
        height: As a fraction of the frame's height.
    """

    label: str
    probability: float
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Detection:
    """One detector's answer for one frame.

    Attributes:
        labels: Every label the model knows, in the order of its classes.
        boxes: What was found, from most to least probable.
    """

    labels: tuple[str, ...]
    boxes: tuple[Box, ...]

    @property
    def task(self) -> Literal["detection"]:
        """Always ``"detection"``."""
        return "detection"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"task": self.task, "boxes": [asdict(box) for box in self.boxes]}

    def to_supervision(self, width: int, height: int) -> supervision.Detections:
        """Return the same boxes as ``supervision.Detections``, in pixels of a frame.

        Args:
            width: Width of the frame in pixels.
            height: Height of the frame in pixels.

        Raises:
            MissingExtraError: The package ``supervision`` is not installed.
        """
        sv = _supervision()
        if not self.boxes:
            nothing: supervision.Detections = sv.Detections.empty()
            return nothing
        corners = np.array(
            [(b.left, b.top, b.left + b.width, b.top + b.height) for b in self.boxes], np.float32
        )
        answer: supervision.Detections = sv.Detections(
            xyxy=corners * np.array((width, height, width, height), np.float32),
            confidence=np.array([b.probability for b in self.boxes], np.float32),
            class_id=np.array([self.labels.index(b.label) for b in self.boxes]),
            data={"class_name": np.array([b.label for b in self.boxes])},
        )
        return answer


Prediction = Classification | Detection


def frame_values(frame: str, predictions: Mapping[str, Prediction]) -> dict[str, Any]:
    """Return every model's answer for a frame as plain values, ready for ``json_line``.

    Args:
        frame: What the frame is called.
        predictions: By model name.
    """
    answers = {name: answer.to_dict() for name, answer in predictions.items()}
    return {"frame": frame, "predictions": answers}


def json_line(value: Mapping[str, Any]) -> bytes:
    r"""Return a value as one line of JSON in UTF-8, without its line break.

    JSON knows no NaN: it becomes null. A file name that is not UTF-8 has its odd bytes written
    as ``\udcXX``, which Python's ``json.loads`` and ``os.fsencode`` turn back into the name.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value


def _supervision() -> Any:  # noqa: ANN401 - an optional package, untyped when absent
    try:
        import supervision
    except ImportError as error:
        raise MissingExtraError(
            "to_supervision()", package="supervision", extra="supervision"
        ) from error
    return supervision
