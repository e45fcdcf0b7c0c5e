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
