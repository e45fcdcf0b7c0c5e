# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
import threading

import pytest

from trunkline.streams.turnstile import Turnstile
from watchfakes import PATIENCE


def test_items_come_through_in_order_whatever_the_threads() -> None:
    found: list[int] = []
    turnstile = Turnstile(found.append)
    tickets = list(range(200))
    random.Random(1).shuffle(tickets)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not tickets:
                    return
                ticket = tickets.pop()
            turnstile.pass_through(ticket, ticket)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == list(range(200))


def test_one_that_fails_does_not_keep_the_others() -> None:
    found: list[int] = []

    def handle(item: int) -> None:
        if item == 1:
            raise RuntimeError("one")
        found.append(item)

    turnstile = Turnstile(handle)
    turnstile.pass_through(2, 2)
    turnstile.pass_through(1, 1)
    assert not found
    with pytest.raises(RuntimeError, match="one"):
        turnstile.pass_through(0, 0)
    turnstile.pass_through(3, 3)
    assert found == [0, 2, 3]
