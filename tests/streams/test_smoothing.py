# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.predictions import Classification
from trunkline.streams.smoothing import Smoother, parse_smoothing, seen_labels
from watchfakes import classified, detected


def reference(frames: list[set[str]], k: int, n: int) -> list[set[tuple[str, str]]]:
    """The definition, word by word, on the whole history."""
    present: set[str] = set()
    found: list[set[tuple[str, str]]] = []
    for i in range(len(frames)):
        last = frames[max(0, i + 1 - n) : i + 1]
        changes = set()
        for label in "abc":
            having = sum(label in each for each in last)
            if label in present:
                if label not in frames[i] and len(last) - having >= k:
                    changes.add((label, "end"))
            elif label in frames[i] and having >= k:
                changes.add((label, "begin"))
        for label, state in changes:
            (present.add if state == "begin" else present.remove)(label)
        found.append(changes)
    return found


@given(
    frames=st.lists(st.sets(st.sampled_from("abc")), max_size=40),
    sizes=st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))),
)
@settings(deadline=None, max_examples=200)
def test_labels_come_and_go_as_defined(frames: list[set[str]], sizes: tuple[int, int]) -> None:
    smoother = Smoother(*sizes)
    found = [smoother.step(dict.fromkeys(each, 1.0)) for each in frames]
    assert [set(each) for each in found] == reference(frames, *sizes)
    assert all(len(each) == len(set(each)) for each in found)


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_begin_and_end_take_turns(seen: list[bool], n: int) -> None:
    smoother = Smoother((n + 1) // 2, n)
    states = [s for each in seen for _, s in smoother.step({"a": 1.0} if each else {})]
    assert states == [("begin", "end")[i % 2] for i in range(len(states))]
    assert smoother.present == (("a",) if len(states) % 2 else ())


def test_what_is_gone_is_forgotten() -> None:
    smoother = Smoother(1, 3)
    for i in range(100):
        smoother.step({f"label {i}": 1.0})
    assert len(smoother._histories) <= 3


def test_labels_that_an_answer_says_yes_to() -> None:
    assert seen_labels(classified("cat", 0.75), 0.7) == {"cat": 0.75}
    assert seen_labels(classified("cat", 0.6), 0.7) == {}
    many = Classification("multilabel", ("a", "b", "c"), np.array([0.75, 0.25, 0.5], np.float32))
    assert seen_labels(many, 0.5) == {"a": 0.75, "c": 0.5}
    assert seen_labels(detected(("cat", 0.6), ("dog", 0.2), ("cat", 0.8)), 0.5) == {"cat": 0.8}


def test_smoothing_is_read() -> None:
    assert parse_smoothing("3/5") == (3, 5)
    assert parse_smoothing(" 3 of 5 ") == (3, 5)


@pytest.mark.parametrize("text", ["", "3", "a/b", "0/5", "6/5", "3/0", "-1/2", "1/99999"])
def test_other_smoothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"K/N|at least 1"):
        parse_smoothing(text)


def test_impossible_smoothing_is_refused() -> None:
    with pytest.raises(ValueError, match="4 of 3"):
        Smoother(4, 3)
