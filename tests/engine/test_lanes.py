# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.engine.lanes import levels_of, pays
from trunkline.graphs.merging import Tensor
from trunkline.graphs.sharing import Segment


def segment(takes: str, gives: str) -> Segment:
    tensors = [tuple(Tensor(name.encode(), 0) for name in names) for names in (takes, gives)]
    return Segment((0,), frozenset(), *tensors, 1, 1)


def test_a_segment_waits_for_those_it_takes_from() -> None:
    chain = [segment("i", "a"), segment("i", "b"), segment("a", "c"), segment("cb", "d")]
    assert levels_of(chain) == [0, 0, 1, 2]
    assert levels_of([]) == []


def test_one_network_or_one_core_gives_nothing_to_do_beside() -> None:
    assert not pays([5], 4)
    assert not pays([5, 5, 5], 1)
    assert not pays([], 2)


def test_two_alike_are_done_sooner_with_a_core_each() -> None:
    assert pays([5, 5], 2)
    assert pays([5] * 7, 2)


def test_one_large_network_keeps_all_cores() -> None:
    assert not pays([100, 1], 2)
    assert not pays([100, 1, 1, 1], 4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.integers(2, 3))
def test_the_busiest_lane_is_never_underestimated(work: list[int], cores: int) -> None:
    """What is decided by the estimate holds for the best distribution there is, or is declined."""
    best = min(
        max(sum(w for w, lane in zip(work, lanes, strict=True) if lane == k) for k in range(cores))
        for lanes in itertools.product(range(cores), repeat=len(work))
    )
    if pays(work, cores):
        # Largest first is at most a third longer than the best distribution (Graham, 1969).
        assert best < sum(work) / (1 + (cores - 1) * 0.7)


@pytest.mark.parametrize("cores", [2, 3, 4])
def test_many_alike_pay_on_any_number_of_cores(cores: int) -> None:
    assert pays([7] * (3 * cores), cores)
