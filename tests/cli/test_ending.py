# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from trunkline.cli.ending import ending

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30


class Asked:
    def __init__(self) -> None:
        self.times = 0
        self.survived: list[signal.Signals] = []

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def sent(stop: Asked, *numbers: signal.Signals, then: Exception | None = None) -> None:
    """Send signals to oneself, and note which were followed by anything."""
    with ending(stop):
        for number in numbers:
            send(number)
            stop.survived.append(number)
        if then:
            raise then


def test_ctrl_c_asks_and_is_raised_at_the_end() -> None:
    stop = Asked()
    with pytest.raises(KeyboardInterrupt):
        sent(stop, signal.SIGINT)
    assert (stop.times, stop.survived) == (1, [signal.SIGINT])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm_asks_and_ends_quietly() -> None:
    stop = Asked()
    sent(stop, signal.SIGTERM)
    assert stop.times == 1


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_the_second_is_not_waited_for(first: signal.Signals) -> None:
    stop = Asked()
    with pytest.raises(KeyboardInterrupt):
        sent(stop, first, signal.SIGINT)
    assert (stop.times, stop.survived) == (1, [first])


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = Asked()
    sent(stop, signal.SIGINT)
    assert stop.times == 0


def test_a_fault_is_told_before_ctrl_c() -> None:
    with pytest.raises(ZeroDivisionError):
        sent(Asked(), signal.SIGINT, then=ZeroDivisionError())


def test_time_asks_too() -> None:
    over = threading.Event()
    with ending(over.set, 0.01):
        assert over.wait(PATIENCE)


def test_time_that_is_left_does_not() -> None:
    stop = Asked()
    with ending(stop, 10 * PATIENCE):
        timers = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
    for timer in timers:
        timer.join(PATIENCE)
    assert not any(timer.is_alive() for timer in timers)
    assert stop.times == 0


def test_in_another_thread_signals_are_left_alone() -> None:
    def run() -> None:
        with ending(Asked()):
            found.append(signal.getsignal(signal.SIGINT))

    found: list[object] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
