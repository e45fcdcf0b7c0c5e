# SPDX-License-Identifier: Apache-2.0
"""A prediction in the JSON of the service's own API: the model ``ImagePrediction``.

What the service was seen to do, and its OpenAPI files leave open:

* A classifier's answer has every tag, the most probable first, and no ``boundingBox`` at all.
* A detector's boxes are grouped by tag. Here the tag with the most probable box comes first, and
  of its boxes the most probable one, so that the first of all is the best, which clients rely on.
* ``tagType`` came with version 3.1.
* Numbers are the shortest that give the same float32 again; a date has milliseconds and a ``Z``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.predictions import Classification

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from trunkline.predictions import Box, Detection, Prediction
    from trunkline.server.directory import Published

__all__ = ["image_prediction"]

# An export does not say of which type its tags were; nobody was seen to rename this one, and the
# service allows it in classifiers only.
_NEGATIVE = "Negative"

Tag = tuple[str, float, dict[str, float] | None]


def image_prediction(
    prediction: Prediction,
    published: Published,
    *,
    prediction_id: UUID,
    project_id: UUID,
    tag_types: bool,
) -> dict[str, Any]:
    """Return an ``ImagePrediction``, ready for JSON.

    Args:
        prediction: A model's answer.
        published: The model.
        prediction_id: The answer's own id.
        project_id: The project that was asked.
        tag_types: Whether to give the tags' types, as from version 3.1 on.
    """
    created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": str(prediction_id),
        "project": str(project_id),
        "iteration": str(published.iteration_id),
        "created": created,
        "predictions": list(_predictions(prediction, published, tag_types=tag_types)),
    }


def _predictions(
    prediction: Prediction, published: Published, *, tag_types: bool
) -> Iterator[dict[str, Any]]:
    classified = isinstance(prediction, Classification)
    for label, probability, box in _ranked(prediction):
        made: dict[str, Any] = {
            "probability": _shortest(probability),
            "tagId": str(published.tag_ids[label]),
            "tagName": label,
        }
        if box is not None:
            made["boundingBox"] = box
        if tag_types:
            made["tagType"] = _NEGATIVE if classified and label == _NEGATIVE else "Regular"
        yield made


def _ranked(prediction: Prediction) -> Iterator[Tag]:
    if isinstance(prediction, Classification):
        for index in np.argsort(-prediction.probabilities, kind="stable"):
            yield prediction.labels[index], prediction.probabilities[index], None
        return
    for box in _grouped(prediction):
        edges = {name: _shortest(getattr(box, name)) for name in ("left", "top", "width", "height")}
        yield box.label, box.probability, edges


def _grouped(detection: Detection) -> list[Box]:
    """Return the boxes by tag; they come with the most probable of all first."""
    groups: dict[str, list[Box]] = {}
    for box in detection.boxes:
        groups.setdefault(box.label, []).append(box)
    return [box for group in groups.values() for box in group]


def _shortest(value: float) -> float:
    return float(str(np.float32(value)))
