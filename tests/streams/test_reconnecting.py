# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from trunkline.errors import TrunklineError
from trunkline.streams.outlet import Outlet
from trunkline.streams.reconnecting import LostError, Pauses, Watchdog, keep_connected
from trunkline.streams.sampling import Sampler
from trunkline.streams.slots import FrameSlot
from trunkline.streams.status import Journal

if TYPE_CHECKING:
    from collections.abc import Callable


def _outlet() -> Outlet:
    return Outlet("door", Sampler(), FrameSlot(newest=True), Journal(10, time.monotonic))


def test_pauses_grow_and_begin_again() -> None:
    pauses = Pauses(30)
    assert [pauses.next() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    pauses.reset()
    assert pauses.next() == 1
    assert Pauses(0.5).next() == 0.5


def test_watchdog() -> None:
    now = [0.0]
    watchdog = Watchdog(5, lambda: now[0])
    now[0] = 5.0
    watchdog.check()
    watchdog.feed()
    now[0] = 10.5
    with pytest.raises(LostError, match="for 5 seconds"):
        watchdog.check()


def test_it_tries_until_the_source_ends() -> None:
    outlet, slept, tries = _outlet(), [], []

    def connect(fed: Callable[[], None]) -> None:
        tries.append(len(tries))
        if len(tries) == 4:
            fed()
        if len(tries) < 6:
            raise LostError("it was switched off")

    keep_connected(connect, outlet, longest_pause=30, sleep=slept.append)
    assert slept == [1, 2, 4, 1, 2]
    status = outlet.journal.status(dropped=0, live=True)
    assert status.reconnects == 5
    assert status.problem == "It was switched off. Trying again in 2 s."


def test_other_errors_words_are_not_shown() -> None:
    outlet = _outlet()

    def connect(fed: Callable[[], None]) -> None:
        raise ValueError("rtsp://admin:s3cret@camera")

    keep_connected(connect, outlet, longest_pause=30, sleep=lambda _: outlet.stop())
    status = outlet.journal.status(dropped=0, live=True)
    assert status.problem == "Reading it failed with an unexpected ValueError. Trying again in 1 s."
    assert (status.state, status.reconnects) == ("waiting", 0)


def test_what_says_itself_that_it_is_over_is_not_tried_again() -> None:
    def connect(fed: Callable[[], None]) -> None:
        raise TrunklineError("It broke off.")

    with pytest.raises(TrunklineError, match="broke off"):
        keep_connected(connect, _outlet(), longest_pause=30, sleep=pytest.fail)
