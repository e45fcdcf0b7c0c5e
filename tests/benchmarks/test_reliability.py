# SPDX-License-Identifier: Apache-2.0
"""The trial of reliability: it runs, it tells what it saw, and it notices what must not be."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

PROGRAM = "reliability.py"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HALF = WHOLE[:-1]
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def module(name):
    return importlib.import_module(name)


def outcome(request, status, *, seconds=0.1, why=""):
    return module("reliability_load").Outcome(request, "/predict", 0.0, seconds, status, why)


@pytest.fixture
def good():
    """What a trial without a fault looks like."""
    return {
        "seconds": 60.0,
        "capacity": 10.0,
        "alone": [0.01, 0.02],
        "loaded": [outcome("a", 200), outcome("b", 429)],
        "ended": [outcome("c", 200), outcome("d", None, why="refused")],
        "held_back": 0,
        "memory": [100.0] * 80,
        "turnover": SimpleNamespace(rounds=1, steps=[0.2], wrong=[]),
        "rude": SimpleNamespace(counts=Counter(x=1), wrong=[]),
        "log": [{"request": "a", "code": 200}, {"message": "Stopped."}],
        "status": 0,
        "drained": 1.0,
    }


def missed(trial):
    checks = module("reliability").checks(module("reliability_trial").Trial(**trial))
    return [each.what for each in checks if not each.holds]


def test_a_quick_run_tells_all_and_writes_nothing(shared, run_program):
    page = PAGE.read_bytes()
    run = run_program(PROGRAM, "--quick", "--models-dir", shared / "models")
    assert run.returncode in (0, 1), run.stderr
    assert "requests taken and not answered | 0 | 0 | Reached." in run.stdout
    assert "exit status | 0 | 0 | Reached." in run.stdout
    assert "growth of memory" not in run.stdout
    assert PAGE.read_bytes() == page


def test_a_trial_without_a_fault_is_good(good):
    assert missed(good) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"memory": [100.0] * 60 + [102.0] * 20}, "growth of memory"),
        ({"log": [{"request": "d", "code": 200}]}, "requests taken and not answered"),
        ({"log": [{"code": 500}]}, "faults in the server's log"),
        ({"log": [{"level": "error"}]}, "faults in the server's log"),
        ({"status": -15}, "exit status"),
    ],
)
def test_a_fault_is_noticed(good, change, what):
    assert missed(good | change) == [what]


@pytest.mark.parametrize(
    ("statuses", "what"),
    [
        ((200, 429, None), "requests without an answer"),
        ((200, 429, 500), "answers other than 200, 429 and 503"),
        ((200, 200), "requests refused by 429 or 503"),
    ],
)
def test_a_wrong_answer_is_noticed(good, statuses, what):
    loaded = [outcome(str(number), status) for number, status in enumerate(statuses)]
    assert missed(good | {"loaded": loaded}) == [what]


def test_slow_answers_are_noticed(good):
    slow = good["loaded"] + [outcome("e", 200, seconds=10.1), outcome("f", 429, seconds=10.1)]
    assert missed(good | {"loaded": slow}) == [
        "longest time to a refusal",
        "99th percentile of answers",
    ]


def test_a_request_cut_at_the_end_is_told_from_one_that_was_taken(good):
    ended = [*good["ended"], outcome("e", None, why="cut")]
    assert missed(good | {"ended": ended}) == ["requests cut before they were taken"]
    log = [*good["log"], {"request": "e", "code": 200}]
    assert missed(good | {"ended": ended, "log": log}) == ["requests taken and not answered"]


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 2), (99, 4), (100, 4), (1, 1), (25, 1), (75, 3)]
)
def test_percentiles(percent, expected):
    assert module("reliability_trial").percentile([4, 2, 1, 3], percent) == expected


async def _talk(answers):
    """Ask a server that gives each answer in turn, and closes behind one that is cut short."""
    load = module("reliability_load")
    left = list(answers)

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while left:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(left[0])
                if left.pop(0) == HALF:
                    break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        clients = load.Clients(server.sockets[0].getsockname(), "x")
        outcomes = [await clients.ask(load.Ask("GET", "/")) for _ in answers]
        clients.close()
    outcomes.append(await clients.ask(load.Ask("GET", "/")))
    return [each.status or each.why for each in outcomes]


def test_clients_tell_answers_from_cuts():
    close = b"HTTP/1.1 429 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    found = asyncio.run(_talk([WHOLE, close, HALF, WHOLE]))
    assert found == [200, 429, "cut", 200, "refused"]


@pytest.mark.parametrize("seconds", ["0", "3601"])
def test_the_length_is_bounded(seconds, run_program):
    run = run_program(PROGRAM, "--seconds", seconds)
    assert run.returncode == 2
    assert "is not between 1 and 3600" in run.stderr
