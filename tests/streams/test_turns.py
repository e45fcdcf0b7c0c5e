# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from trunkline.streams.turns import Turns


def taken(turns: Turns, frames: list[tuple[int, float]]) -> list[int]:
    found = []
    for number, at in frames:
        if turns.has(number, at):
            turns.take(number, at)
            found.append(number)
    return found


def test_every_nth_frame_by_number() -> None:
    assert taken(Turns(3), [(i, 0.0) for i in range(10)]) == [0, 3, 6, 9]
    assert taken(Turns(3), [(i, 0.0) for i in (0, 1, 5, 6, 7, 8)]) == [0, 5, 8]
    assert taken(Turns(), [(i, 0.0) for i in range(4)]) == [0, 1, 2, 3]


def test_a_source_that_counts_anew_has_its_turn() -> None:
    assert taken(Turns(5), [(100, 0.0), (0, 0.0), (1, 0.0)]) == [100, 0]


@pytest.mark.parametrize("fps", [10, 15, 30, 29.97])
def test_the_rate_is_kept_whatever_the_frames_times(fps: float) -> None:
    frames = [(i, 1000 + i / fps) for i in range(int(fps * 60))]
    assert len(taken(Turns(1, 1.0), frames)) in (59, 60)


def test_after_a_gap_it_does_not_catch_up() -> None:
    frames = [(0, 0.0), (1, 10.0), (2, 10.1), (3, 10.2), (4, 11.0)]
    assert taken(Turns(1, 1.0), frames) == [0, 1, 4]


def test_a_clock_put_back_silences_nobody() -> None:
    assert taken(Turns(1, 1.0), [(0, 1000.0), (1, 500.0), (2, 500.5), (3, 501.0)]) == [0, 1, 3]
