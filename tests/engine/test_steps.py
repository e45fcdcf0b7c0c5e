# SPDX-License-Identifier: Apache-2.0
"""The steps of a frame: told to whoever asked, in order, on other threads too."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import builders
import trunkline
from engine.families import model
from trunkline.engine.steps import carried, step, telling

if TYPE_CHECKING:
    from pathlib import Path

Told = list[tuple[str, int, int]]


def told(models: trunkline.ModelSet, picture: bytes) -> Told:
    steps: Told = []
    with telling(lambda *one: steps.append(one)):
        models.predict(picture)
    models.predict(picture)  # this one is nobody's
    return steps


def test_packed_heads_on_one_trunk() -> None:
    models = trunkline.ModelSet()
    models.add(model("one", [1, 2]), model("two", [1, 2], seed=7))
    steps = told(models, builders.png_bytes("red"))
    assert [name for name, *_ in steps] == ["decode picture", "preprocess", "trunk", "heads"]
    for (_, begin, end), (_, following, _) in itertools.pairwise(steps):
        assert begin <= end <= following


def test_a_detector_is_decoded_by_itself(tmp_path: Path) -> None:
    builders.boxes_detector(tmp_path / "places")
    names = [name for name, *_ in told(trunkline.load(tmp_path), builders.png_bytes("red"))]
    assert names[-1] == "decode answers"
    assert "trunk" in names


def test_a_step_that_fails_is_told_all_the_same() -> None:
    steps: Told = []
    try:
        with telling(lambda *one: steps.append(one)), step("fall"):
            raise ValueError
    except ValueError:
        pass
    assert [name for name, *_ in steps] == ["fall"]


def test_another_thread_tells_only_what_is_carried_there() -> None:
    steps: Told = []
    threads: list[str] = []

    def work() -> None:
        threads.append(threading.current_thread().name)
        step("work").end()

    with ThreadPoolExecutor(1, "other") as pool:
        with telling(lambda *one: steps.append(one)):
            pool.submit(work).result()
            assert steps == []
            pool.submit(carried(work)).result()
        assert len(steps) == 1
        assert carried(work) is work
    assert all(name.startswith("other") for name in threads)
