# SPDX-License-Identifier: Apache-2.0
"""The service's answers: their order and their numbers."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.predictions import Box, Classification, Detection
from trunkline.server.cv_answers import image_prediction
from trunkline.server.directory import Published

if TYPE_CHECKING:
    from trunkline.predictions import Prediction

ID = uuid.UUID(int=1)
LABELS = ("a", "b", "c")


def predictions(prediction: Prediction, *, tag_types: bool = False) -> list[dict[str, Any]]:
    tags = {label: uuid.uuid5(ID, label) for label in prediction.labels}
    published = Published(
        model="m",
        task=prediction.task,
        project_id=ID,
        pinned=False,
        iteration_id=ID,
        published_name="m",
        tag_ids=tags,
    )
    answer = image_prediction(
        prediction, published, prediction_id=ID, project_id=ID, tag_types=tag_types
    )
    found: list[dict[str, Any]] = json.loads(json.dumps(answer))["predictions"]
    assert all(each["tagId"] == str(tags[each["tagName"]]) for each in found)
    return found


def classified(*probabilities: float, labels: tuple[str, ...] = LABELS) -> Classification:
    return Classification("multilabel", labels, np.array(probabilities, np.float32))


def test_every_tag_the_most_probable_first_equals_in_the_order_of_the_labels() -> None:
    found = predictions(classified(0.25, 0.5, 0.25))
    assert [each["tagName"] for each in found] == ["b", "a", "c"]
    assert not any("boundingBox" in each for each in found)


@pytest.mark.parametrize("text", ["0.9999999", "1.1920929e-07", "0.02499098", "0.05149666", "1.0"])
def test_numbers_are_written_as_the_service_writes_them(text: str) -> None:
    found = predictions(classified(float(text), labels=("a",)))
    assert json.dumps(found[0]["probability"]) == text


@given(st.floats(0, 1, width=32))
def test_numbers_come_back_as_the_same_float32(value: float) -> None:
    (found,) = predictions(classified(value, labels=("a",)))
    assert np.float32(found["probability"]) == np.float32(value)


def test_boxes_by_tag_the_best_of_all_first() -> None:
    boxes = [("a", 0.3), ("b", 0.9), ("a", 0.7), ("b", 0.1), ("c", 0.5)]
    ranked = sorted(boxes, key=lambda box: -box[1])
    found = predictions(
        Detection(LABELS, tuple(Box(label, p, 0.1, 0.2, 0.3, 0.4) for label, p in ranked)),
        tag_types=True,
    )
    assert [(each["tagName"], each["probability"]) for each in found] == [
        ("b", 0.9),
        ("b", 0.1),
        ("a", 0.7),
        ("a", 0.3),
        ("c", 0.5),
    ]
    assert found[0]["boundingBox"] == {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}


def test_only_a_classifier_has_a_negative_tag() -> None:
    classifier = predictions(classified(0.9, 0.1, labels=("Negative", "negative")), tag_types=True)
    assert [each["tagType"] for each in classifier] == ["Negative", "Regular"]
    box = Box("Negative", 0.5, 0, 0, 1, 1)
    (found,) = predictions(Detection(("Negative",), (box,)), tag_types=True)
    assert found["tagType"] == "Regular"
