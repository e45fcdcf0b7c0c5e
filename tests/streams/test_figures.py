# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from trunkline.streams.figures import Latency, Meter


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    meter = Meter()
    assert meter.rate(0) == 0
    meter.note(1.0)
    assert meter.rate(1.0) == meter.rate(2.0) == 0
    for i in range(1, 400):
        meter.note(1 + i / 20)
    now = 1 + 399 / 20
    assert meter.count == 400
    assert meter.rate(now) == pytest.approx(20, rel=0.02)
    assert meter.rate(now + 5) < 20
    assert meter.rate(now + 20) == 0


def test_rates_above_what_is_kept_are_right() -> None:
    meter = Meter()
    for i in range(5000):
        meter.note(i / 500)
    assert meter.rate(4999 / 500) == pytest.approx(500)


def test_latencies_are_nearest_ranks() -> None:
    meter = Meter()
    assert meter.latency() == Latency()
    for i in range(100, 0, -1):
        meter.note(0.0, i / 100)
    assert meter.latency() == Latency(0.5, 0.95, 0.99)
    meter.note(1.0)
    assert meter.latency() == Latency(0.5, 0.95, 0.99)
