# SPDX-License-Identifier: Apache-2.0
"""Sigmoid and softmax against the math module, and at the ends of the number line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trunkline.decoding.activations import sigmoid, softmax

ANY = st.floats(width=32, allow_nan=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_by_hand(dtype) -> None:
    answer = sigmoid(np.array([0.0, 2.0, -30.0], dtype))
    assert answer.dtype == dtype
    expected = [0.5, 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(30))]
    assert answer == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_of_extremes(dtype) -> None:
    answer = sigmoid(np.array([np.inf, 1e30, -1e30, -np.inf], dtype))
    assert answer[:2].tolist() == [1, 1]
    assert (answer[2:] < 1e-37).all()
    assert (answer[2:] >= 0).all()
    assert np.isnan(sigmoid(np.array([np.nan], dtype))).all()


@given(arrays.arrays(np.float32, 20, elements=ANY))
def test_sigmoid_rises_and_stays_between_0_and_1(logits) -> None:
    answer = sigmoid(np.sort(logits))
    assert ((answer >= 0) & (answer <= 1)).all()
    assert (np.diff(answer) >= 0).all()


def test_softmax_by_hand() -> None:
    answer = softmax(np.float32([[0, 0], [math.log(3), 0]]))
    assert answer.dtype == np.float32
    assert answer == pytest.approx(np.array([[0.5, 0.5], [0.75, 0.25]]))


@given(arrays.arrays(np.float64, (3, 4), elements=st.floats(-50, 50)))
def test_softmax_is_that_of_the_math_module(logits) -> None:
    powers = [[math.exp(value) for value in row] for row in logits.tolist()]
    expected = [[power / sum(row) for power in row] for row in powers]
    assert softmax(logits) == pytest.approx(np.array(expected), rel=1e-9)


@given(arrays.arrays(np.float32, (2, 5), elements=ANY))
def test_softmax_of_anything_sums_to_1(logits) -> None:
    assert softmax(logits).sum(axis=-1) == pytest.approx(1, rel=1e-5)


def test_softmax_of_extremes() -> None:
    assert softmax(np.float32([np.inf, 0, -np.inf])).tolist() == [1, 0, 0]
    assert softmax(np.float32([np.inf, np.inf])).tolist() == [0.5, 0.5]
    spoilt = softmax(np.float32([[np.nan, 0], [0, 0]]))
    assert np.isnan(spoilt[0]).all()
    assert spoilt[1].tolist() == [0.5, 0.5]


def test_softmax_of_no_rows() -> None:
    assert softmax(np.zeros((0, 3), np.float32)).shape == (0, 3)
