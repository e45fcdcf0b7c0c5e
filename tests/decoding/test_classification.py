# SPDX-License-Identifier: Apache-2.0
"""A classifier's output to a classification."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trunkline.decoding import ClassificationDecoder
from trunkline.errors import ExportError

PETS = ("cat", "dog", "hen")


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_probabilities_of_the_graph_are_taken_as_they_are(task) -> None:
    output = np.float32([[0.1, 0.7, 0.2]])
    answer = ClassificationDecoder(task)([output], PETS)
    assert answer.task == task
    assert answer.labels == PETS
    assert answer.probabilities.dtype == np.float32
    assert answer.probabilities.tolist() == output[0].tolist()


def test_softmax() -> None:
    logits = np.float32([[0, math.log(2), 0]])
    answer = ClassificationDecoder("multiclass", "softmax")([logits], PETS)
    assert answer.probabilities == pytest.approx([0.25, 0.5, 0.25])
    assert answer.probabilities.dtype == np.float32


def test_sigmoid() -> None:
    logits = np.float32([[0, math.log(3), -math.log(3)]])
    answer = ClassificationDecoder("multilabel", "sigmoid")([logits], PETS)
    assert answer.probabilities == pytest.approx([0.5, 0.75, 0.25])
    assert answer.probabilities.dtype == np.float32


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 3, 1, 1), (1, 1, 1, 3)])
def test_any_shape_with_one_value_per_label(shape) -> None:
    output = np.float32([0.5, 0.25, 0.25]).reshape(shape)
    assert ClassificationDecoder("multiclass")([output], PETS).label == "cat"


def test_one_label() -> None:
    decoder = ClassificationDecoder("multilabel", "sigmoid")
    answer = decoder([np.float32([[0.0]])], ("bear",))
    assert (answer.label, answer.probability) == ("bear", 0.5)


def test_only_the_first_output_counts() -> None:
    first, second = np.float32([[0.2, 0.8, 0]]), np.float32([[1, 0, 0]])
    assert ClassificationDecoder("multiclass")([first, second], PETS).label == "dog"


def test_half_precision_becomes_single() -> None:
    answer = ClassificationDecoder("multiclass")([np.float16([[0.5, 0.25, 0.25]])], PETS)
    assert answer.probabilities.dtype == np.float32
    assert answer.probabilities.tolist() == [0.5, 0.25, 0.25]


@pytest.mark.parametrize("activation", ["none", "softmax", "sigmoid"])
def test_the_answer_outlives_the_engines_buffer_and_cannot_be_written(activation) -> None:
    buffer = np.float32([[0.1, 0.7, 0.2]])
    answer = ClassificationDecoder("multiclass", activation)([buffer], PETS)
    before = answer.probabilities.tolist()
    buffer[:] = 0.9
    assert answer.probabilities.tolist() == before
    assert not np.shares_memory(answer.probabilities, buffer)
    with pytest.raises(ValueError, match="read-only"):
        answer.probabilities[0] = 1


@given(
    arrays.arrays(np.float32, 3, elements=st.floats(width=32)),
    st.sampled_from(["none", "softmax", "sigmoid"]),
)
def test_whatever_the_graph_says_probabilities_are_between_0_and_1(values, activation) -> None:
    answer = ClassificationDecoder("multilabel", activation)([values[None]], PETS)
    assert ((answer.probabilities >= 0) & (answer.probabilities <= 1)).all()


def test_a_nan_counts_as_0_and_leaves_the_others() -> None:
    answer = ClassificationDecoder("multilabel")([np.float32([[np.nan, 0.5, np.inf]])], PETS)
    assert answer.probabilities.tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("labels", [(), ("cat",), ("cat", "dog"), ("a", "b", "c", "d")])
def test_another_number_of_labels_is_refused(labels) -> None:
    with pytest.raises(ExportError, match=f"3 values for {len(labels)} labels"):
        ClassificationDecoder("multiclass")([np.zeros((1, 3), np.float32)], labels)


def test_no_labels_and_no_values_is_refused() -> None:
    with pytest.raises(ExportError, match="0 values for 0 labels"):
        ClassificationDecoder("multiclass", "softmax")([np.zeros((1, 0), np.float32)], ())


def test_decoders_are_values() -> None:
    assert ClassificationDecoder("multiclass") == ClassificationDecoder("multiclass", "none")
    assert len({ClassificationDecoder("multiclass"), ClassificationDecoder("multiclass")}) == 1
