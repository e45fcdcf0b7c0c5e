# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from trunkline.streams.status import Journal


def test_a_source_that_falls_silent_is_stalled() -> None:
    now = [0.0]
    journal = Journal(10, lambda: now[0])
    assert journal.status(dropped=0, live=True).state == "waiting"
    assert journal.frame(64, 48) == 0
    assert journal.frame(32, 24) == 1
    now[0] = 11.0
    assert journal.status(dropped=0, live=False).state == "running"
    status = journal.status(dropped=3, live=True)
    assert (status.state, status.problem) == ("stalled", "No picture has come for 10 seconds.")
    assert (status.received, status.dropped, status.width, status.height) == (2, 3, 32, 24)


def test_a_lost_connection_mends_and_a_broken_picture_stays_noted() -> None:
    journal = Journal(10, lambda: 0.0)
    journal.lost("It is off.")
    assert journal.status(dropped=0, live=True).state == "waiting"
    journal.frame(1, 1)
    assert journal.status(dropped=0, live=True).problem == ""
    journal.lost("It is off.")
    assert journal.status(dropped=0, live=True).state == "stalled"
    journal.frame(1, 1)
    journal.broken("a.jpg is damaged")
    journal.frame(1, 1)
    journal.broken()
    status = journal.status(dropped=0, live=True)
    assert (status.state, status.problem, status.broken) == ("running", "a.jpg is damaged", 2)


def test_a_failure_stays_one() -> None:
    journal = Journal(10, lambda: 0.0)
    journal.fail("It is no video.")
    journal.end()
    status = journal.status(dropped=0, live=False)
    assert (status.state, status.problem) == ("failed", "It is no video.")
