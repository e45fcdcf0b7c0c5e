# SPDX-License-Identifier: Apache-2.0
"""Counts by model: those asked for by name, and those asked for with all others."""

from __future__ import annotations

import sys
import threading

from trunkline.server.tally import Counts, Tally


def test_named_and_unnamed_requests_add_up():
    tally = Tally()
    tally.answered(None, ["a", "b"], 1.0, 2.0)
    tally.answered(None, iter(["a", "b"]), 1.0, 2.0)
    tally.answered({"b"}, ["b"], 0.5, 0.25)
    tally.failed({"a"}, 4.0, checked=True)
    a, b = tally.of("a"), tally.of("b")
    assert (a.answered, a.waited, a.ran, a.failed, a.failing) == (2, 2.0, 4.0, 1, 4.0)
    assert (b.answered, b.waited, b.ran, b.failed) == (3, 2.5, 4.25, 0)
    assert b.last >= a.last > 1e9
    assert tally.of("nobody") == Counts()


def test_whoever_comes_later_is_not_counted_for_before():
    tally = Tally()
    tally.answered(None, ["a"], 0.0, 1.0)
    tally.answered(None, ["a", "b"], 0.0, 1.0)
    tally.answered(None, ["b"], 0.0, 1.0)
    tally.failed(None, 1.0, checked=False)
    assert (tally.of("a").answered, tally.of("b").answered) == (2, 2)
    assert (tally.of("a").failed, tally.of("b").failed) == (0, 1)


def test_what_is_read_may_be_read_again_and_does_not_change():
    tally = Tally()
    tally.answered(None, ["a"], 0.0, 1.0)
    first = tally.of("a")
    assert tally.of("a") == first
    tally.answered(None, ["a"], 0.0, 1.0)
    assert (first.answered, tally.of("a").answered) == (1, 2)


def test_made_up_names_take_no_memory():
    tally = Tally()
    tally.answered({"a"}, ["a"], 0.0, 1.0)
    before = sys.getallocatedblocks()
    for number in range(5000):
        tally.failed({f"x{number}"}, 0.0, checked=False)
    assert sys.getallocatedblocks() - before < 1000
    tally.failed({"a", "x"}, 0.0, checked=False)
    assert (tally.of("a").failed, tally.of("x").failed) == (1, 0)


def test_threads_lose_nothing():
    tally = Tally()

    def count() -> None:
        for _ in range(500):
            tally.answered(None, ["a"], 0.0, 1.0)
            tally.answered({"a"}, ["a"], 0.0, 1.0)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.of("a").answered == 4000
