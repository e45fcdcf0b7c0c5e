# SPDX-License-Identifier: Apache-2.0
"""A frame's answers: a mapping, whose packed ones are classifications like any other."""

from __future__ import annotations

import copy
import dataclasses
import gc
import json
import pickle
import weakref
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from trunkline.contracts import InputContract, Preset
from trunkline.decoding import ClassificationDecoder
from trunkline.engine.answers import COMPILED, Answers, Places
from trunkline.engine.packed import PackedAnswers
from trunkline.engine.plan import Entry
from trunkline.errors import ModelNameError
from trunkline.models import Model
from trunkline.predictions import Box, Classification, Detection

if TYPE_CHECKING:
    from trunkline.predictions import Prediction

LABELS = ("red", "green", "blue")
VALUES = np.array([0.25, 0.5, 0.125, 0.75, 0.0625, 0.25], np.float32)
DETECTION = Detection(("fork",), (Box("fork", 0.5, 0, 0, 1, 1),))


def entry(name: str, task: Literal["multiclass", "multilabel"], labels: tuple[str, ...]) -> Entry:
    contract = InputContract(224, 224, Preset.SAMPLE_STRETCH)
    decoder = ClassificationDecoder(task)
    return Entry(Model(name, labels, task, contract, None, decoder, "test", name), (), None)


def answers() -> Answers:
    """A detector between two packed heads, of which the one added last is asked first."""
    numbers = {"second": 1, "detector": COMPILED, "first": 0, "other": 2}
    entries = {
        "first": entry("first", "multiclass", LABELS),
        "second": entry("second", "multilabel", LABELS),
        "other": entry("other", "multilabel", ("only",)),
    }
    packed = [
        PackedAnswers(VALUES, ["green", "red"], [0.5, 0.75]),
        PackedAnswers(np.array([0.875], np.float32), ["only"], [0.875]),
    ]
    places = Places(entries, numbers, np.array([0, 3, 6]))
    return Answers({"detector": DETECTION}, places, PackedAnswers.joined(packed))


def same(one: object, other: Classification) -> bool:
    assert isinstance(one, Classification)
    assert (one.task, one.labels) == (other.task, other.labels)
    assert (one.label, one.probability) == (other.label, other.probability)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert one.to_dict() == other.to_dict()
    return True


FIRST = Classification("multiclass", LABELS, VALUES[:3])
SECOND = Classification("multilabel", LABELS, VALUES[3:])
OTHER = Classification("multilabel", ("only",), np.array([0.875], np.float32))


def test_it_is_a_mapping_in_the_order_of_the_models() -> None:
    found = answers()
    assert list(found) == list(found.keys()) == ["second", "detector", "first", "other"]
    assert len(found) == 4
    assert "detector" in found
    assert "first" in found
    assert "third" not in found
    assert found.get("third") is None
    assert found.get("detector") is DETECTION
    assert repr(found) == "<Answers of 4: second, detector, first, other>"


@pytest.mark.parametrize("name", ["third", ""])
def test_an_unknown_name_is_told_with_those_there_are(name: str) -> None:
    with pytest.raises(ModelNameError, match=r"second, detector, first, other") as caught:
        answers()[name]
    assert repr(name) in str(caught.value)
    assert isinstance(caught.value, KeyError)
    with pytest.raises(ModelNameError, match="none"):
        Answers({}, Places({}, {}, np.zeros(0, np.intp)), PackedAnswers.joined([]))["any"]


def test_each_way_to_read_gives_the_same() -> None:
    found = answers()
    by_name = [found[name] for name in found]
    assert by_name[1] is DETECTION
    for way in (list(found.values()), [each for _, each in found.items()]):
        assert way[1] is DETECTION
        for each, expected in zip([way[0], *way[2:]], [SECOND, FIRST, OTHER], strict=True):
            assert same(each, expected)
    assert [name for name, _ in found.items()] == list(found)
    for name, expected in {"first": FIRST, "second": SECOND, "other": OTHER}.items():
        assert same(found[name], expected)


def test_an_answer_that_is_kept_stays_what_it_is() -> None:
    """Others are made meanwhile, from the same frame and from another."""
    kept: list[Prediction] = [each for _ in range(2) for each in answers().values()]
    expected = [SECOND, DETECTION, FIRST, OTHER] * 2
    for found, one in zip(kept, expected, strict=True):
        assert found is one if isinstance(one, Detection) else same(found, one)


def test_an_answer_that_is_kept_keeps_its_frame_and_no_longer() -> None:
    found = answers()
    answer = found["first"]
    probabilities = weakref.ref(found._packed.probabilities)
    del found
    gc.collect()
    assert probabilities() is not None
    del answer
    gc.collect()
    assert probabilities() is None


def test_views_are_views() -> None:
    found = answers()
    assert len(found.items()) == len(found.values()) == 4
    assert DETECTION in found.values()
    assert ("detector", DETECTION) in found.items()
    values = found.values()
    assert len(list(values)) == len(list(values)) == 4


def test_a_packed_answer_cannot_be_changed() -> None:
    answer = answers()["first"]
    for name in ("task", "labels", "probabilities", "label", "probability", "invented"):
        with pytest.raises(AttributeError):
            setattr(answer, name, None)
        with pytest.raises(AttributeError):
            delattr(answer, name)
    assert same(answer, FIRST)


def test_a_packed_answer_is_written_as_any_other() -> None:
    answer = answers()["first"]
    assert repr(answer) == repr(FIRST)
    assert json.loads(json.dumps(answer.to_dict()))["label"] == "green"
    assert same(answer, Classification("multiclass", LABELS, VALUES[:3], 1))


def test_a_packed_answer_can_be_copied_and_sent() -> None:
    answer = answers()["second"]
    for twin in (copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        assert type(twin) is Classification
        assert same(twin, SECOND)


def test_a_packed_answer_is_a_dataclass() -> None:
    answer = answers()["second"]
    assert isinstance(answer, Classification)
    renamed = dataclasses.replace(answer, labels=("a", "b", "c"))
    assert renamed.label == "a"
    assert renamed.probability == 0.75
    told = dataclasses.asdict(answer)
    assert (told["task"], told["labels"]) == ("multilabel", LABELS)
