# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from trunkline.streams.conditions import Condition, looking_order
from watchfakes import classified, detected


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("first: person > 0.6", Condition("first", "person", 0.6)),
        ("a b:c d>.5", Condition("a b", "c d", 0.5)),
        ("m: a: b > 0", Condition("m", "a: b", 0.0)),
    ],
)
def test_conditions_are_read(text: str, condition: Condition) -> None:
    assert Condition.parse(text) == condition


@pytest.mark.parametrize("text", ["", "first", "first: person", "first: p > 1", "a: b > 1.2.3"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"MODEL: LABEL|impossible|no number"):
        Condition.parse(text)


def test_a_condition_holds_above_its_probability_only() -> None:
    condition = Condition("m", "cat", 0.5)
    assert condition.holds(classified("cat", 0.75))
    assert not condition.holds(classified("cat", 0.5))
    assert not condition.holds(classified("dog", 0.75))
    assert condition.holds(detected(("dog", 0.9), ("cat", 0.6)))
    assert not condition.holds(detected(("cat", 0.5)))
    assert not condition.holds(None)
    assert not Condition("m", "bird", 0.1).holds(classified("cat"))


def test_models_come_behind_those_they_wait_for() -> None:
    waits = {"c": Condition("b", "x"), "b": Condition("a", "x"), "a": None, "d": None}
    order = looking_order(waits)
    assert set(order) == set(waits)
    assert order.index("a") < order.index("b") < order.index("c")
    assert looking_order({"a": Condition("not there", "x")}) == ("a",)


def test_models_that_wait_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match=r"wait for one another: .*a"):
        looking_order({"a": Condition("b", "x"), "b": Condition("a", "x")})
