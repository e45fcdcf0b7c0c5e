# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from trunkline.server.recent import Recent
from trunkline.server.tally import Tally
from watchfakes import FakeTime

NAMES = ("a", "b")


def asked(tally: Tally, times: int, names: tuple[str, ...] | None = None) -> None:
    for _ in range(times):
        tally.answered(names, NAMES, 0.25, 0.5)


def test_nothing_is_known_at_the_first_look() -> None:
    tally = Tally()
    asked(tally, 5)
    assert Recent(tally, FakeTime()).look(NAMES) == ({}, {})


def test_rates_are_those_since_the_first_look() -> None:
    tally, clock = Tally(), FakeTime()
    recent = Recent(tally, clock)
    recent.look(NAMES)
    asked(tally, 4)
    asked(tally, 2, ("a",))
    clock.now += 2
    rates, latencies = recent.look(NAMES)
    assert rates == {"a": 3.0, "b": 2.0}
    assert latencies == pytest.approx({"a": 0.75, "b": 0.75})


def test_a_model_that_nobody_asks_any_more_has_no_rate() -> None:
    tally, clock = Tally(), FakeTime()
    recent = Recent(tally, clock)
    recent.look(NAMES)
    asked(tally, 4)
    for _ in range(12):
        clock.now += 1
        recent.look(NAMES)
    assert recent.look(NAMES) == ({}, {})


def test_looks_close_together_are_one() -> None:
    tally, clock = Tally(), FakeTime()
    recent = Recent(tally, clock)
    recent.look(NAMES)
    asked(tally, 4)
    clock.now += 0.5
    assert recent.look(NAMES) == ({}, {})
    clock.now += 0.5
    assert recent.look(NAMES)[0] == {"a": 4.0, "b": 4.0}


def test_what_was_long_ago_says_nothing() -> None:
    tally, clock = Tally(), FakeTime()
    recent = Recent(tally, clock)
    recent.look(NAMES)
    asked(tally, 4)
    clock.now += 3600
    assert recent.look(NAMES) == ({}, {})


def test_a_model_that_has_come_is_known_from_its_second_look_on() -> None:
    tally, clock = Tally(), FakeTime()
    recent = Recent(tally, clock)
    recent.look(("a",))
    clock.now += 1
    asked(tally, 1)
    assert recent.look(NAMES)[0] == {"a": 1.0}
