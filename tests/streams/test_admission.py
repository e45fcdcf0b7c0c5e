# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.streams.admission import PATIENCE, Costs, admit, choose


@dataclass
class Model:
    model: str
    priority: int = 0
    deadline: float | None = None
    answered: float = 0.0


@dataclass
class Camera:
    name: str
    priority: int = 0
    since: float = 0.0
    served: int = 0


def costs(**seconds: float) -> Costs:
    found = Costs()
    for names, value in seconds.items():
        found.note(list(names), value)
    return found


def names(models: list[Model]) -> str:
    return "".join(each.model for each in models)


def test_a_set_takes_what_was_measured_and_an_unknown_one_what_its_largest_part_did() -> None:
    found = costs(a=0.1, b=0.2, ab=0.25)
    assert found.estimate("ab") == 0.25
    assert found.estimate("abc") == 0.25
    assert found.estimate("bc") == 0.2
    assert found.estimate("c") == found.estimate("") == 0.0


def test_new_measurements_count_for_more() -> None:
    found = costs(a=1.0)
    for _ in range(50):
        found.note("a", 0.5)
    assert found.estimate("a") == pytest.approx(0.5, abs=0.01)


def test_not_every_set_is_kept_for_ever() -> None:
    found = Costs()
    for i in range(1000):
        found.note([str(i)], 1.0)
    assert found.estimate(["0"]) == 0.0
    assert found.estimate(["999"]) == 1.0


def test_without_deadlines_all_look() -> None:
    models = [Model("a"), Model("b")]
    assert admit(models, costs(ab=99), came=0, now=0) == (models, [])


def test_the_lowest_priority_is_left_out_first() -> None:
    models = [Model("a", 2, 0.5), Model("b", 1), Model("c", 3)]
    measured = costs(abc=0.9, ac=0.4, bc=0.1)
    taken, left = admit(models, measured, came=0, now=0)
    assert (names(taken), names(left)) == ("ac", "b")
    taken, left = admit(models, measured, came=0, now=0.2)
    assert (names(taken), names(left)) == ("c", "ba")


def test_among_equals_the_one_that_answered_last_is_left_out() -> None:
    models = [Model("a", 0, 0.5, answered=1.0), Model("b", 0, 0.5, answered=1.1)]
    taken, left = admit(models, costs(ab=0.6, a=0.3, b=0.3), came=2, now=2)
    assert (names(taken), names(left)) == ("a", "b")


def test_who_has_not_looked_for_long_looks_whatever_it_takes() -> None:
    models = [Model("a", 0, 0.5, answered=0.0)]
    late = costs(a=9)
    assert admit(models, late, came=1, now=1) == ([], models)
    now = PATIENCE + 1
    assert admit(models, late, came=now, now=now) == (models, [])


def test_a_thousand_equals_are_left_out_in_few_steps() -> None:
    models = [Model(str(i), 0, 0.1) for i in range(1000)]
    measured = Costs()
    measured.note([each.model for each in models], 5.0)
    for each in models:
        measured.note([each.model], 5.0)
    taken, left = admit(models, measured, came=0, now=0)
    assert len(taken) + len(left) == 1000
    assert len(left) > 500


def served(cameras: list[Camera], seconds: float, each: float) -> Counter[str]:
    """Serve cameras that always have a frame, one after another, each for so long."""
    count: Counter[str] = Counter()
    now, services = 0.0, 0
    while now < seconds:
        camera = choose(cameras, now)
        assert camera is not None
        services += 1
        now += each
        camera.since, camera.served = now, services
        count[camera.name] += 1
    return count


def test_equals_take_turns() -> None:
    count = served([Camera(n) for n in "abcd"], seconds=10, each=0.1)
    assert max(count.values()) - min(count.values()) <= 1


def test_priority_goes_first_and_nobody_starves() -> None:
    count = served([Camera("low"), Camera("high", 1), Camera("higher", 2)], seconds=60, each=0.1)
    assert count["higher"] > 500
    assert count["low"] >= 60 / PATIENCE - 5
    assert count["high"] >= 60 / PATIENCE - 5


def test_where_nobody_waits_nobody_is_chosen() -> None:
    assert choose([], 0) is None


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.floats(0.05, 0.5))
@settings(deadline=None, max_examples=30)
def test_every_camera_is_served_again_and_again(priorities: list[int], each: float) -> None:
    cameras = [Camera(str(i), p) for i, p in enumerate(priorities)]
    longest = PATIENCE + (len(cameras) + 1) * each
    count = served(cameras, seconds=10 * longest, each=each)
    assert all(count[camera.name] >= 8 for camera in cameras)
