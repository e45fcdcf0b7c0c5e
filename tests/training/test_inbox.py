# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.training.inbox import next_to_tag, uncertainty


def test_the_least_certain_picture_comes_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.52, 0.48], [0.7, 0.3]])
    assert next_to_tag(probabilities, np.eye(3), 3) == (1, 2, 0)


def test_no_two_alike() -> None:
    # Ten of a kind, all very uncertain, and one other that is less so.
    probabilities = np.array([[0.5, 0.5]] * 10 + [[0.7, 0.3]])
    features = np.array([[1.0, 0.0]] * 10 + [[0.0, 1.0]])
    assert next_to_tag(probabilities, features, 2) == (0, 10)


def test_what_is_like_tagged_pictures_waits() -> None:
    probabilities = np.full((2, 2), 0.5)
    features = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert next_to_tag(probabilities, features, 1, tagged=np.array([[2.0, 0.0]])) == (1,)
    assert next_to_tag(probabilities, features, 1, tagged=np.array([[0.0, 2.0]])) == (0,)


def test_uncertainty() -> None:
    multiclass = uncertainty(np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.3, 0.2]]))
    assert multiclass == pytest.approx([0.0, 1.0, 0.8])
    multilabel = uncertainty(np.array([[1.0, 0.0], [0.9, 0.5], [0.25, 0.0]]), "multilabel")
    assert multilabel == pytest.approx([0.0, 1.0, 0.5])
    assert uncertainty(np.array([[0.5], [1.0]])) == pytest.approx([1.0, 0.0])
    assert uncertainty(np.zeros((2, 0))) == pytest.approx([0.0, 0.0])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 12), st.integers(0, 15), st.integers(0, 10**6))
def test_each_is_chosen_once_and_the_first_stay_the_first(n: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(3), n).reshape(n, 3)
    features = random.normal(size=(n, 4)).round()  # some of them alike, some all zero
    chosen = next_to_tag(probabilities, features, count)
    assert len(chosen) == len(set(chosen)) == min(n, count)
    assert next_to_tag(probabilities, features, max(count - 1, 0)) == chosen[: max(count - 1, 0)]
    if chosen:
        assert chosen[0] == uncertainty(probabilities).argmax()


def test_shapes_and_counts_are_checked() -> None:
    with pytest.raises(ValueError, match="shape"):
        next_to_tag(np.zeros((2, 2)), np.zeros((3, 2)), 1)
    with pytest.raises(ValueError, match="count"):
        next_to_tag(np.zeros((2, 2)), np.zeros((2, 2)), -1)
