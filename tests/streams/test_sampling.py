# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import TrunklineError
from trunkline.streams.sampling import Sampler

_START = 1_795_000_000.0


def test_every() -> None:
    sampler = Sampler(3)
    assert [n for n in range(10) if sampler.wants(n, _START)] == [0, 3, 6, 9]


@pytest.mark.parametrize(("fps", "step"), [(10, 3), (15, 2), (1, 30), (30, 1), (60, 1)])
def test_fps_of_a_steady_source(fps: float, step: int) -> None:
    sampler = Sampler(fps=fps)
    wanted = [n for n in range(300) if sampler.wants(n, _START + n / 30)]
    assert wanted == list(range(0, 300, step))


def test_every_and_fps_together() -> None:
    sampler = Sampler(2, fps=5)
    wanted = [n for n in range(60) if sampler.wants(n, _START + n / 30)]
    assert wanted == list(range(0, 60, 6))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 0.5), min_size=1), st.floats(0.5, 20))
def test_never_more_than_asked(gaps: list[float], fps: float) -> None:
    sampler, at, wanted = Sampler(fps=fps), _START, 0
    for number, gap in enumerate(gaps):
        at += gap
        wanted += sampler.wants(number, at)
    assert 1 <= wanted <= math.floor((at - _START - gaps[0]) * fps + 0.01) + 1


def test_a_clock_set_back_does_not_silence_it() -> None:
    sampler = Sampler(fps=1)
    assert sampler.wants(0, _START)
    assert sampler.wants(1, _START + 5)
    assert sampler.wants(2, _START - 3600)
    assert sampler.wants(3, _START - 3599)


@pytest.mark.parametrize(("every", "fps"), [(0, None), (-1, None), (1, 0), (1, -2), (1, math.nan)])
def test_numbers_out_of_range(every: int, fps: float | None) -> None:
    with pytest.raises(TrunklineError, match="must be"):
        Sampler(every, fps)
