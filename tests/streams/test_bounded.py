# SPDX-License-Identifier: Apache-2.0
"""Queues that are full, closed, woken, and whose counts add up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.streams.bounded import BoundedQueue, Closed


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 5), st.lists(st.booleans(), max_size=40))
def test_a_queue_keeps_the_newest_in_order_and_counts_the_rest(size, steps):
    queue, held, dropped = BoundedQueue(size), [], 0
    for number, putting in enumerate(steps):
        if putting:
            queue.put(number)
            held.append(number)
            dropped += len(held) > size
            held = held[-size:]
        elif held:
            assert queue.take() == held.pop(0)
        assert queue.dropped == dropped
    queue.close()
    queue.put("late")
    assert queue.dropped == dropped + 1
    assert [queue.take() for _ in held] == held
    with pytest.raises(Closed):
        queue.take()


def test_a_queue_can_be_woken_and_cleared():
    queue = BoundedQueue(3)
    queue.wake()
    assert queue.take() is None
    queue.put(1)
    queue.put(2)
    queue.clear()
    assert queue.dropped == 2
    queue.close()
    with pytest.raises(Closed):
        queue.take()


def test_what_was_put_is_delivered_or_dropped_and_it_is_known_whose_it_was():
    queue = BoundedQueue(2, camera_of=lambda item: item[0])
    for item in ("a1", "a2", "b1", "b2"):
        queue.put(item)
    assert queue.dropped_by_camera == {"a": 2}
    assert queue.take() == "b1"
    queue.lose("b")
    assert queue.take() == "b2"
    queue.put("c1")
    queue.clear()
    assert queue.dropped_by_camera == {"a": 2, "b": 1, "c": 1}
    assert (queue.dropped, queue.delivered) == (4, 1)


def test_what_is_kept_is_dropped_only_where_nothing_is_delivered():
    now = [0.0]
    queue = BoundedQueue(2, clock=lambda: now[0], patience=5.0)
    queue.put("live")
    for number in range(4):
        queue.put(number, keep=True)
    assert queue.dropped == 1  # the live one
    queue.put("live")
    assert queue.dropped == 2
    assert queue.is_full
    now[0] = 100.0  # without a delivery: what comes now takes the oldest's place
    assert not queue.is_full
    queue.put(4, keep=True)
    assert queue.dropped == 3
    assert queue.take() == 1
    queue.done(delivered=True)
    assert queue.is_full
    queue.put(5, keep=True)
    assert queue.take() == 2
    queue.done(delivered=False)  # that is no progress
    now[0] = 105.5
    queue.put(6, keep=True)
    queue.close()
    assert [queue.take() for _ in range(3)] == [4, 5, 6]
    assert queue.dropped == 4


def test_patience_begins_when_the_queue_has_something():
    now = [0.0]
    queue = BoundedQueue(1, clock=lambda: now[0], patience=5.0)
    now[0] = 1000.0
    queue.put("a", keep=True)
    assert queue.is_full
    now[0] = 1004.0
    assert queue.take() == "a"
    queue.put("b", keep=True)  # beside one that is not done with
    assert queue.is_full
    now[0] = 1006.0
    assert not queue.is_full


def test_room_is_told_once_and_outside_the_lock():
    queue, told = BoundedQueue(2), []
    queue.when_room(lambda: told.append((queue.is_full, queue.dropped)))
    for number in range(4):
        queue.put(number, keep=True)
    for expected in ([], [], [(False, 0)], [(False, 0)]):
        queue.take()
        assert told == expected


def test_a_queue_is_flushed_when_the_last_is_done_with_or_it_has_stalled():
    now = [0.0]
    queue = BoundedQueue(2, clock=lambda: now[0], patience=5.0)
    assert queue.flush(0)
    queue.put("a")
    assert not queue.flush(0)
    queue.take()
    assert not queue.flush(0)
    queue.done(delivered=False)
    assert queue.flush(0)
    queue.put("b")
    assert not queue.flush(0)
    now[0] = 6.0
    assert queue.flush(0)
