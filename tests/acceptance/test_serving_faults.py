# SPDX-License-Identifier: Apache-2.0
"""A server under twice its capacity, with changing models and misbehaving clients, and its end.

It is the trial of ``benchmarks/reliability.py``, in seconds; ``docs/reliability.md`` has the one of
three minutes, which judges memory and times as well.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SECONDS = 4.0


@pytest.fixture(scope="module")
def trial(shared: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("reliability_trial").conduct(shared / "models", SECONDS)


def test_every_request_is_answered_or_refused(trial: Any) -> None:
    assert trial.unanswered == []
    assert {each.status for each in trial.loaded} <= {200, 429, 503}
    assert trial.took(200)
    assert trial.faults == []


def test_overload_is_refused_within_the_deadline(trial: Any) -> None:
    refused = trial.took(429, 503)
    assert refused
    assert max(refused) < 10.0
    assert max(trial.took(200)) < 10.0 + 5.0  # the deadline, and a machine that others use as well


def test_memory_is_bounded(trial: Any) -> None:
    """Each second brings some 10 MB of pictures; none of them may stay."""
    assert max(trial.memory) - trial.memory[0] < 100


def test_models_changed_meanwhile_as_they_were_told_to(trial: Any) -> None:
    assert trial.turnover.rounds >= 1
    assert trial.turnover.wrong == []


def test_misbehaving_clients_were_got_rid_of(trial: Any) -> None:
    assert len(trial.rude.counts) == 7
    assert trial.rude.wrong == []


def test_the_end_lost_no_request(trial: Any) -> None:
    assert trial.lost == []
    assert trial.untaken == []
    assert any(each.status == 200 for each in trial.ended)
    assert trial.status == 0
