# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import builders
from engine.families import Exports, model
from trunkline.engine import comparison
from trunkline.engine.comparison import compare
from trunkline.engine.modelset import ModelSet
from trunkline.errors import PictureError

if TYPE_CHECKING:
    from pathlib import Path

EXPORTS = Exports(((1, 2), (1, 2), (1, 2), (1, 2), (1, 2), (1, 2)))


def test_both_sides_are_measured_and_give_the_same_answers(tmp_path: Path) -> None:
    pictures = [
        builders.picture(tmp_path / f"{colour}.png", colour, (40, 30)) for colour in ("red", "lime")
    ]
    found = compare(EXPORTS.load("latency"), EXPORTS, pictures, 0.9)
    assert found.largest_difference < 1e-6
    assert found.together.timing.frames_per_second > 0
    assert found.apart.timing.frames_per_second > 0
    assert (found.together.setting.shared, found.apart.setting.shared) == (True, False)
    most = found.throughput.setting
    assert (most.shared, most.optimise) == (True, "throughput")
    assert most.threads > 1
    assert all(side.memory_bytes for side in (found.together, found.apart, found.throughput))
    assert found.steps.networks > 0


def test_another_answer_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "measure_memory", lambda *_: None)
    other = ModelSet()
    other.add(*[model(each.name, (3, 4), seed=9) for each in EXPORTS.read()])
    picture = builders.picture(tmp_path / "red.png", "red", (40, 30))
    found = compare(other, EXPORTS, [picture], 0.01)
    assert found.largest_difference > 1e-3
    assert found.apart.memory_bytes is None


def test_a_picture_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"none\.png"):
        compare(EXPORTS.load("latency"), EXPORTS, [tmp_path / "none.png"], 0.1)
