# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from trunkline.streams.conditions import Condition
from trunkline.streams.rules import EVERY_MODEL, Camera, Rule, rules_for
from watchfakes import FakeSource

SOURCE = FakeSource([])


@pytest.mark.parametrize(
    "values",
    [
        {"every": 0},
        {"seconds": 0},
        {"threshold": 1.1},
        {"deadline": 0},
        {"smoothing": (3, 2)},
        {"when": Condition("m", "x")},
    ],
)
def test_rules_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|impossible|wait for itself"):
        Rule("m", **values)


def test_by_default_every_model_watches() -> None:
    assert rules_for(Camera(SOURCE), ["a", "b"]) == (Rule("a"), Rule("b"))


def test_a_models_own_rule_wins_and_models_that_are_not_loaded_are_passed_over() -> None:
    camera = Camera(SOURCE, (Rule("a", every=2), Rule(EVERY_MODEL, every=3), Rule("gone")))
    assert set(rules_for(camera, ["a", "b"])) == {Rule("a", every=2), Rule("b", every=3)}
    assert rules_for(Camera(SOURCE, (Rule("a"),)), ["a", "b"]) == (Rule("a"),)


def test_who_waits_comes_behind() -> None:
    when = Condition("z", "x")
    camera = Camera(SOURCE, (Rule("a", when=when), Rule("z")))
    assert [rule.model for rule in rules_for(camera, ["a", "z"])] == ["z", "a"]


def test_where_all_wait_for_one_it_does_not_wait_for_itself() -> None:
    camera = Camera(SOURCE, (Rule(EVERY_MODEL, when=Condition("b", "x")),))
    assert rules_for(camera, ["a", "b"]) == (Rule("b"), Rule("a", when=Condition("b", "x")))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((Rule("a"), Rule("a", every=2)), "two rules"),
        ((Rule("a", when=Condition("b", "x")), Rule("b", when=Condition("a", "x"))), "wait for"),
        (
            (Rule("a", when=Condition("b", "x")), Rule(EVERY_MODEL, when=Condition("a", "x"))),
            "wait for",
        ),
    ],
)
def test_rules_that_do_not_go_together_are_refused(rules: tuple[Rule, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Camera(SOURCE, rules)


def test_stillness_is_more_than_nothing() -> None:
    with pytest.raises(ValueError, match="still"):
        Camera(SOURCE, still=0)
