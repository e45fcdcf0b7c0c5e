# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.streams.slots import EndOfStream, FrameSlot


def test_of_a_live_source_the_newest_waits() -> None:
    slot: FrameSlot[int] = FrameSlot(newest=True)
    assert all(slot.put(number) for number in range(5))
    assert slot.take(0) == 4
    assert slot.take(0) is None
    assert slot.dropped == 4


def test_of_a_file_all_are_kept_and_the_reader_waits() -> None:
    slot: FrameSlot[int] = FrameSlot(newest=False, size=2)
    reader = threading.Thread(target=lambda: [slot.put(n) for n in range(100)] and slot.end())
    reader.start()
    assert [slot.take(20) for _ in range(100)] == list(range(100))
    with pytest.raises(EndOfStream):
        slot.take(20)
    reader.join()
    assert slot.dropped == 0


def test_closing_lets_go_of_who_puts_and_who_takes() -> None:
    slot: FrameSlot[int] = FrameSlot(newest=False, size=1)
    slot.put(0)
    results = []
    reader = threading.Thread(target=lambda: results.append(slot.put(1)))
    reader.start()
    slot.close()
    reader.join(20)
    assert results == [False]
    assert slot.dropped == 2
    with pytest.raises(EndOfStream):
        slot.take(20)


def test_an_end_leaves_what_waits() -> None:
    slot: FrameSlot[int] = FrameSlot(newest=True)
    slot.put(1)
    slot.end()
    assert slot.take(0) == 1
    with pytest.raises(EndOfStream):
        slot.take(0)


def test_it_can_be_told_to_keep_all() -> None:
    slot: FrameSlot[int] = FrameSlot(newest=True, size=3)
    slot.keep_all()
    assert not slot.newest
    for number in range(3):
        slot.put(number)
    assert [slot.take(0) for _ in range(3)] == [0, 1, 2]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans()))
def test_every_frame_is_accounted_for(puts: list[bool]) -> None:
    slot: FrameSlot[int] = FrameSlot(newest=True)
    put = taken = 0
    for is_put in puts:
        if is_put:
            put += slot.put(put)
        else:
            taken += slot.take(0) is not None
    slot.close()
    assert put == taken + slot.dropped
