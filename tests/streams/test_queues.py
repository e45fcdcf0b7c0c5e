# SPDX-License-Identifier: Apache-2.0
"""Bounded queues, and sinks that are slow, that fail, that hang, and that end."""

from __future__ import annotations

import threading

import pytest

from sights import ended, event, eventually, sight
from trunkline.streams.queues import (
    DeliveryError,
    QueuedSink,
    without_pixels,
)


class _Probe(QueuedSink):
    """Delivers events' labels into a list, through a gate that a test opens."""

    def __init__(self, *, size=3, threads=1):
        super().__init__("probe", size=size, threads=threads)
        self.gate, self.taken, self.got = threading.Event(), threading.Event(), []
        self.finished = self.interrupted = 0
        self._start()

    def _items(self, sight):
        return sight.events

    def _deliver(self, item):
        self.taken.set()
        self.gate.wait()
        if item.label == "bad":
            raise DeliveryError("It was bad.")
        if item.label == "worse":
            raise ValueError("secret")
        self.got.append(item.label)

    def _finish(self):
        self.finished += 1
        if "ruin" in self.got:
            raise RuntimeError("secret")

    def _interrupt(self):
        self.interrupted += 1
        self.gate.set()


def test_a_slow_sink_never_blocks_and_its_newest_items_survive():
    probe = _Probe()
    probe.put(sight(0, event("first")))
    probe.taken.wait()
    for number in range(10):
        probe.put(sight(number, event(str(number))))
    assert probe.dropped == 7
    probe.gate.set()
    probe.close(60)
    assert probe.got == ["first", "7", "8", "9"]
    assert probe.finished == 1
    assert not probe.interrupted
    probe.put(sight(0, event("late")))
    assert probe.dropped == 8
    probe.close(0)
    assert probe.finished == 1


def test_what_goes_wrong_is_a_sentence_until_it_goes_well():
    probe = _Probe()
    probe.gate.set()
    probe.put(sight(0, event("bad")))
    eventually(lambda: probe.dropped)
    assert probe.problem == "It was bad."
    probe.put(sight(0, event("worse")))
    eventually(lambda: probe.dropped == 2)
    assert probe.problem == "The sink probe failed with ValueError."
    probe.put(sight(0, event("good")))
    eventually(lambda: probe.got)
    probe.put(sight(0, event("ruin")))
    eventually(lambda: not probe.problem)
    probe._queue.wake()
    probe.close(60)
    assert probe.problem == "The sink probe failed with RuntimeError."
    assert repr(probe) == "<sink probe, 2 dropped>"


@pytest.mark.parametrize("threads", [1, 4])
def test_a_sink_that_hangs_is_interrupted_and_leaves_no_thread(threads):
    probe = _Probe(size=100, threads=threads)
    probe.put(sight(0, *[event(str(number)) for number in range(20)]))
    probe.taken.wait()
    probe.close(0)
    assert probe.interrupted == 1
    assert probe.finished == 1
    assert len(probe.got) + probe.dropped == 20
    assert ended(probe)


def test_without_pixels_keeps_all_but_the_picture():
    whole = sight(3, event())
    bare = without_pixels(whole)
    assert bare.frame.pixels.size == 0
    assert (bare.frame.stream, bare.frame.number, bare.frame.at) == ("yard", 3, whole.frame.at)
    assert (bare.answers, bare.events, bare.latency) == (whole.answers, whole.events, whole.latency)
    assert whole.frame.pixels.size
