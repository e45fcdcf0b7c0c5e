# SPDX-License-Identifier: Apache-2.0
"""Predictions: what they say of themselves, and as dictionaries and supervision's types."""

from __future__ import annotations

import dataclasses
import json
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trunkline.errors import MissingExtraError
from trunkline.predictions import Box, Classification, Detection

# Its own remark on a missing optional package, made once per process.
with_supervision = pytest.mark.filterwarnings("ignore:OpenCV")

PETS = Classification("multiclass", ("cat", "dog", "hen"), np.float32([0.25, 0.5, 0.25]))
ROAD = Detection(
    ("car", "sign"),
    (Box("sign", 0.75, 0.5, 0.25, 0.25, 0.5), Box("car", 0.5, 0.0, 0.0, 1.0, 1.0)),
)


def test_the_most_probable_label() -> None:
    assert PETS.label == "dog"
    assert PETS.probability == 0.5
    assert type(PETS.probability) is float


def test_of_equal_labels_the_first_is_named() -> None:
    even = Classification("multilabel", ("b", "a"), np.float32([0.5, 0.5]))
    assert even.label == "b"


def test_a_classification_as_a_dictionary() -> None:
    assert PETS.to_dict() == {
        "task": "multiclass",
        "label": "dog",
        "probability": 0.5,
        "labels": [
            {"label": "dog", "probability": 0.5},
            {"label": "cat", "probability": 0.25},
            {"label": "hen", "probability": 0.25},
        ],
    }


@given(arrays.arrays(np.float32, st.integers(1, 9), elements=st.floats(0, 1, width=32)))
def test_every_label_is_in_the_dictionary_once_and_in_falling_order(probabilities) -> None:
    labels = tuple(f"label {i}" for i in range(len(probabilities)))
    prediction = Classification("multilabel", labels, probabilities)
    told = json.loads(json.dumps(prediction.to_dict()))
    assert {entry["label"]: entry["probability"] for entry in told["labels"]} == dict(
        zip(labels, probabilities.tolist(), strict=True)
    )
    ranked = [entry["probability"] for entry in told["labels"]]
    assert ranked == sorted(ranked, reverse=True)
    assert told["labels"][0] == {"label": prediction.label, "probability": prediction.probability}


def test_a_detection_as_a_dictionary() -> None:
    assert ROAD.task == "detection"
    told = json.loads(json.dumps(ROAD.to_dict()))
    assert told["task"] == "detection"
    assert told["boxes"][0] == {
        "label": "sign",
        "probability": 0.75,
        "left": 0.5,
        "top": 0.25,
        "width": 0.25,
        "height": 0.5,
    }
    assert [box["label"] for box in told["boxes"]] == ["sign", "car"]


def test_nothing_found_is_a_detection_too() -> None:
    assert Detection(("car",), ()).to_dict() == {"task": "detection", "boxes": []}


def test_predictions_are_frozen() -> None:
    for prediction, field in ((PETS, "labels"), (ROAD, "boxes"), (ROAD.boxes[0], "left")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(prediction, field, ())


def test_predictions_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(ROAD)) == ROAD
    assert pickle.loads(pickle.dumps(PETS)).to_dict() == PETS.to_dict()


@with_supervision
def test_a_classification_for_supervision() -> None:
    answer = PETS.to_supervision()
    assert answer.class_id.tolist() == [0, 1, 2]
    assert answer.confidence is not None
    assert answer.confidence.tolist() == [0.25, 0.5, 0.25]
    assert answer.get_top_k(1)[0].tolist() == [1]


@with_supervision
def test_a_detection_for_supervision_is_in_pixels() -> None:
    answer = ROAD.to_supervision(width=200, height=100)
    assert answer.xyxy.tolist() == [[100, 25, 150, 75], [0, 0, 200, 100]]
    assert answer.xyxy.dtype == np.float32
    assert answer.confidence.tolist() == [0.75, 0.5]
    assert answer.class_id.tolist() == [1, 0]
    assert answer.data["class_name"].tolist() == ["sign", "car"]


@with_supervision
def test_nothing_found_for_supervision() -> None:
    assert Detection(("car",), ()).to_supervision(width=10, height=10).is_empty()


@pytest.mark.parametrize(
    "convert", [PETS.to_supervision, lambda: ROAD.to_supervision(1, 1)], ids=["classes", "boxes"]
)
def test_without_supervision_it_says_what_to_install(convert, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'trunkline\[supervision\]'"):
        convert()
