# SPDX-License-Identifier: Apache-2.0
"""Packed heads answer as each head would by itself, whatever came and went around it."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.decoding import ClassificationDecoder
from trunkline.engine.packed import PackedAnswers, PackedHeads

if TYPE_CHECKING:
    from trunkline.graphs.heads import Activation

FEATURES = 19
ACTIVATIONS: tuple[Activation, ...] = ("none", "sigmoid", "softmax")
SPECIAL = (np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0)


@dataclass(frozen=True, eq=False)
class Head:
    """A dense head, and what it says by itself."""

    weights: np.ndarray
    bias: np.ndarray

    def alone(self, features: np.ndarray, activation: Activation) -> np.ndarray:
        with np.errstate(all="ignore"):
            sums = self.weights.astype(np.float64) @ features[0] + self.bias
            if activation == "sigmoid":
                sums = 1 / (1 + np.exp(-sums))
            elif activation == "softmax":
                sums = np.exp(sums - sums.max())
                sums /= sums.sum()
        return np.clip(np.nan_to_num(sums, nan=0.0), 0, 1)


def head(seed: int, labels: int, features: int = FEATURES) -> Head:
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 0.5, (labels, features)).astype(np.float32)
    return Head(weights, rng.normal(0, 1, labels).astype(np.float32))


def features_of(seed: int, features: int = FEATURES) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (1, features)).astype(np.float32)


def packed(heads: dict[str, Head], activation: Activation) -> PackedHeads:
    made = PackedHeads(activation)
    for name, each in heads.items():
        made = adding(made, name, each)
    return made


def adding(made: PackedHeads, name: str, each: Head) -> PackedHeads:
    labels = [f"{name} {index}" for index in range(len(each.bias))]
    return made.adding(name, labels, each.weights, each.bias)


def check(made: PackedHeads, heads: dict[str, Head], seed: int = 0) -> None:
    features = features_of(seed)
    answers = made(features)
    assert made.names == tuple(made.ranges())
    assert set(made.names) == set(heads)
    for name, (rank, start, stop) in made.ranges().items():
        found = answers.probabilities[start:stop]
        expected = heads[name].alone(features, made.activation)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        assert answers.labels[rank] == f"{name} {found.argmax()}"
        assert made.starts[rank] == start
        assert answers.greatest[rank] == found.max()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_history_of_heads_answers_as_each_alone(data: st.DataObject) -> None:
    """Every value ever made goes on answering right, whatever was made from it later."""
    activation = data.draw(st.sampled_from(ACTIVATIONS))
    history: list[tuple[PackedHeads, dict[str, Head]]] = [(PackedHeads(activation), {})]
    for step in range(data.draw(st.integers(1, 14))):
        made, heads = data.draw(st.sampled_from(history[-4:]))
        if heads and data.draw(st.booleans()):
            gone = data.draw(st.sets(st.sampled_from(sorted(heads)), max_size=len(heads) - 1))
            left = {name: each for name, each in heads.items() if name not in gone}
            history.append((made.without(gone), left))
        else:
            new = head(step, data.draw(st.integers(1, 9)))
            history.append((adding(made, f"h{step}", new), heads | {f"h{step}": new}))
    for made, heads in history[1:]:
        check(made, heads, seed=data.draw(st.integers(0, 99)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_two_successors_of_one_value_do_not_meet(activation: Activation) -> None:
    first, second, third = head(1, 3), head(2, 4), head(3, 4)
    origin = packed({"first": first}, activation)
    one = adding(origin, "second", second)
    other = adding(origin, "third", third)
    again = adding(origin, "second", third)
    check(origin, {"first": first})
    check(one, {"first": first, "second": second})
    check(other, {"first": first, "third": third})
    check(again, {"first": first, "second": third})


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ACTIVATIONS),
    st.lists(st.integers(1, 5), min_size=2, max_size=6),
    st.integers(0, 5),
    st.sampled_from(SPECIAL),
    st.sampled_from(("weights", "bias")),
)
def test_what_overflows_in_one_head_leaves_the_others_alone(
    activation: Activation, labels: list[int], which: int, value: float, where: str
) -> None:
    heads = {f"h{i}": head(i, count) for i, count in enumerate(labels)}
    odd = f"h{which % len(labels)}"
    getattr(heads[odd], where).flat[0] = value
    made = packed(heads, activation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = made(features_of(5))
    for name, (rank, start, stop) in made.ranges().items():
        found = answers.probabilities[start:stop]
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
        assert answers.labels[rank] == f"{name} {found.argmax()}"
        if name != odd:
            expected = heads[name].alone(features_of(5), activation)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("value", SPECIAL)
def test_odd_sums_become_what_decoding_makes_of_them(activation: Activation, value: float) -> None:
    """One head of zeroes whose first sum is odd: the decoder is told the same sums."""
    bias = np.array([value, 0.5, 0.25], np.float32)
    made = packed({"odd": Head(np.zeros((3, FEATURES), np.float32), bias)}, activation)
    decoder = ClassificationDecoder("multiclass", activation)
    with np.errstate(all="ignore"):
        expected = decoder([bias[np.newaxis]], ("a", "b", "c"))
    answers = made(features_of(0))
    np.testing.assert_allclose(answers.probabilities, expected.probabilities, rtol=0, atol=1e-6)
    assert answers.labels == [f"odd {expected.probabilities.argmax()}"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_features_that_are_no_numbers_are_no_probabilities(activation: Activation) -> None:
    heads = {"a": head(1, 3), "b": head(2, 1)}
    answers = packed(heads, activation)(np.full((1, FEATURES), np.nan, np.float32))
    np.testing.assert_array_equal(answers.probabilities, np.zeros(4))
    assert answers.labels == ["a 0", "b 0"]
    assert answers.greatest == [0.0, 0.0]


def test_the_first_of_equals_is_the_top() -> None:
    made = PackedHeads("softmax")
    zeroes = np.zeros((3, FEATURES), np.float32)
    made = adding(made, "a", Head(zeroes, np.array([0, 1, 1], np.float32)))
    made = adding(made, "b", Head(zeroes, np.array([2, 2, 2], np.float32)))
    assert made(features_of(0)).labels == ["a 1", "b 0"]


def test_one_label_is_certain_or_a_share() -> None:
    one = {"one": head(1, 1)}
    assert packed(one, "softmax")(features_of(0)).greatest == [1.0]
    check(packed(one, "sigmoid"), one)


def test_answers_cannot_be_written_to() -> None:
    answers = packed({"a": head(1, 3)}, "softmax")(features_of(0))
    with pytest.raises(ValueError, match="read-only"):
        answers.probabilities[0] = 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_answers_of_several_packs_are_told_as_those_of_one(count: int) -> None:
    features = features_of(2)
    parts = [
        packed({f"{i} a": head(i, 3), f"{i} b": head(9 + i, 2)}, ACTIVATIONS[i])(features)
        for i in range(count)
    ]
    joined = PackedAnswers.joined(parts)
    assert joined.labels == [label for part in parts for label in part.labels]
    assert joined.greatest == [greatest for part in parts for greatest in part.greatest]
    expected = [value for part in parts for value in part.probabilities.tolist()]
    np.testing.assert_array_equal(joined.probabilities, np.array(expected, np.float32))
    assert joined.probabilities.dtype == np.float32
    assert not joined.probabilities.flags.writeable


def test_a_head_says_the_same_to_the_last_bit_whoever_is_beside_it() -> None:
    heads = {f"h{i}": head(i, 1 + i % 7, features=512) for i in range(60)}
    features = features_of(4, 512)
    for activation in ACTIVATIONS:
        together = packed(heads, activation)
        answers = together(features)
        for name, (_, start, stop) in together.ranges().items():
            alone = packed({name: heads[name]}, activation)(features)
            np.testing.assert_array_equal(answers.probabilities[start:stop], alone.probabilities)


FORKED = """
import os
import numpy as np
from trunkline.engine.packed import _Rows

rows = _Rows(features=3, room=4)
child = os.fork()
if not child:
    rows.append(np.ones((2, 3), np.float32), np.ones(2, np.float32))
    os._exit(0)
os.waitpid(child, 0)
assert not rows.weights.any()
"""


def test_a_forked_process_has_rows_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=60)


def test_memory_comes_back() -> None:
    heads = {f"h{i}": head(i, 100, 1000) for i in range(8)}
    made = packed(heads, "sigmoid")
    rest = made.without([f"h{i}" for i in range(7)])
    assert made.nbytes >= 8 * 4 * 100 * 1001
    assert rest.nbytes == 4 * 100 * 1001
    rows = weakref.ref(made._rows)
    del made
    gc.collect()
    assert rows() is None


def test_room_grows_with_what_is_in_it() -> None:
    """Adding one by one copies each row a few times, and wastes no more than half."""
    made, rows, rooms = PackedHeads("sigmoid"), 0, set()
    for index in range(200):
        each = head(index, 5)
        made = adding(made, f"h{index}", each)
        rows += 5
        rooms.add(made.nbytes)
        assert made.nbytes <= max(16, 1.5 * rows) * (FEATURES + 1) * 4
    assert len(made) == 200
    assert len(rooms) < 15
