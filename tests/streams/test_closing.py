# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

from trunkline.streams.closing import close_all, join_all
from watchfakes import PATIENCE


def test_all_are_closed_side_by_side_whatever_one_of_them_does() -> None:
    meeting, closed = threading.Barrier(3), []

    def close(name: str) -> None:
        meeting.wait(PATIENCE)
        closed.append(name)

    def fail() -> None:
        meeting.wait(PATIENCE)
        raise OSError

    close_all([lambda: close("a"), fail, lambda: close("b")], PATIENCE)
    assert sorted(closed) == ["a", "b"]


def test_one_that_hangs_is_left_behind() -> None:
    gate, closed = threading.Event(), threading.Event()
    close_all([gate.wait, closed.set], 0.05)
    assert closed.wait(PATIENCE)
    gate.set()


def test_joining_has_an_end() -> None:
    gate = threading.Event()
    threads = [threading.Thread(target=gate.wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    join_all(threads, 0.01)
    assert all(thread.is_alive() for thread in threads)
    gate.set()
    join_all(threads, PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
