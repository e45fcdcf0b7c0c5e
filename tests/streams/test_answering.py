# SPDX-License-Identifier: Apache-2.0
"""Models that wait for another are asked together with it where that costs nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

import trunkline
from trunkline.streams.conditions import Condition
from trunkline.streams.regions import Region
from trunkline.streams.rules import Camera, Rule
from trunkline.streams.watching import Watcher
from watchfakes import FakeModels, FakeSource, classified, frame

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Sight


class Sharing(FakeModels):
    """Of its models, those whose names begin alike share a trunk."""

    @property
    def plan(self) -> SimpleNamespace:
        return SimpleNamespace(
            comes_along=lambda name, names: any(name[0] == each[0] for each in names)
        )


def light_is_cat(pixels: np.ndarray) -> Prediction:
    return classified("cat" if pixels[0, 0, 0] > 127 else "dog")


def watched(models: FakeModels, *rules: Rule) -> list[Sight]:
    source = FakeSource([frame(0), frame(1, level=255), frame(2, level=255)])
    return list(Watcher(models, [Camera(source, rules)], threads=1))


def test_a_model_that_shares_the_trunk_is_asked_at_once_and_heard_when_it_is_its_turn() -> None:
    models = Sharing(a1=light_is_cat, a2=light_is_cat, b=light_is_cat)
    cat = Condition("a1", "cat")
    sights = watched(models, Rule("a1"), Rule("a2", when=cat), Rule("b", when=cat))
    assert [sorted(sight.answers) for sight in sights] == [["a1"], *[["a1", "a2", "b"]] * 2]
    assert models.calls == [("a1", "a2"), ("a1", "a2"), ("b",), ("a1", "a2"), ("b",)]


def test_one_that_looks_at_another_part_is_asked_later() -> None:
    models = Sharing(a1=light_is_cat, a2=light_is_cat)
    part = Rule("a2", when=Condition("a1", "cat"), region=Region(0, 0, 0.5, 0.5))
    watched(models, Rule("a1"), part)
    assert models.calls == [("a1",), ("a1",), ("a2",), ("a1",), ("a2",)]


def test_one_that_fails_though_it_was_not_its_turn_fails_nobody_else() -> None:
    def fail(_: np.ndarray) -> Prediction:
        raise RuntimeError("broken")

    models = Sharing(a1=light_is_cat, a2=fail)
    source = FakeSource([frame(0), frame(1, level=255)])
    rules = Rule("a1"), Rule("a2", when=Condition("a1", "cat"))
    watcher = Watcher(models, [Camera(source, rules)], threads=1)
    assert [sorted(sight.answers) for sight in watcher] == [["a1"], ["a1"]]
    first, second = watcher.figures().cameras[0].models
    assert (first.answers, first.dropped) == (2, {})
    assert (second.answers, second.dropped) == (0, {"error": 1})


def test_real_models_know_whether_they_share_a_trunk(shared: Path) -> None:
    folder = shared / "models"
    models = trunkline.load(folder / "fruit-2", folder / "fruit-4", folder / "cat-dog-onnx-opset7")
    plan = models.plan
    assert plan.comes_along("fruit-4", ["fruit-2"])
    assert not plan.comes_along("fruit-4", ["cat-dog-onnx-opset7"])
    assert not plan.comes_along("no such model", ["fruit-2"])
    picture = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    rules = Rule("fruit-2"), Rule("fruit-4", when=Condition("fruit-2", "nothing"))
    (sight,) = Watcher(models, [Camera(FakeSource([frame()]), rules)])
    assert set(sight.answers) == {"fruit-2"}
    both = models.predict(picture, models=["fruit-2", "fruit-4"])
    alone = models.predict(picture, models=["fruit-4"])
    assert np.array_equal(both["fruit-4"].probabilities, alone["fruit-4"].probabilities)
