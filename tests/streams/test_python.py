# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from trunkline.streams.python import watch
from trunkline.streams.rules import Rule

if TYPE_CHECKING:
    from pathlib import Path
from watchfakes import FakeModels, FakeSource, classified, frame

MODELS = FakeModels(a=lambda _: classified("cat"), b=lambda _: classified("dog"))


def test_a_loop_over_frames_and_answers() -> None:
    source = FakeSource([frame(i) for i in range(5)])
    watching = watch(MODELS, source)
    found = [(f.number, answers["a"].label, answers["b"].label) for f, answers in watching]
    assert found == [(i, "cat", "dog") for i in range(5)]
    assert watching.figures().cameras[0].frames == 5
    assert source.closed


def test_sights_have_events() -> None:
    watching = watch(MODELS, FakeSource([frame()]), rules=[Rule("a")])
    (sight,) = watching.sights()
    assert [(e.model, e.label) for e in sight.events] == [("a", "cat")]


def test_whoever_leaves_early_stops_the_sources() -> None:
    source = FakeSource([frame(i) for i in range(100)], live=True, endless=True)
    with watch(MODELS, source) as watching:
        for _ in watching:
            break
    assert source.closed


def test_an_asynchronous_loop() -> None:
    source = FakeSource([frame(i) for i in range(5)])

    async def loop() -> list[int]:
        return [f.number async for f, answers in watch(MODELS, source) if answers]

    assert asyncio.run(loop()) == list(range(5))
    assert source.closed


def test_an_asynchronous_loop_can_be_cancelled() -> None:
    source = FakeSource([frame()], live=True, endless=True)
    seen: list[int] = []

    async def loop() -> None:
        async for f, _ in watch(MODELS, source):
            seen.append(f.number)

    async def main() -> None:
        task = asyncio.create_task(loop())
        while not seen:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert source.closed


def test_real_models_watch_a_real_folder(tmp_path: Path) -> None:
    for i, colour in enumerate(["red", "lime", "blue", "red"]):
        builders.picture(tmp_path / "pictures" / f"{i}.png", colour)
    models = trunkline.load(
        builders.openvino_classifier(tmp_path / "colours"),
        builders.boxes_detector(tmp_path / "boxes"),
        optimise="throughput",
    )
    found = list(watch(models, str(tmp_path / "pictures"), every=1))
    labels = [answers["colours"].label for _, answers in found]
    assert labels == ["red", "green", "blue", "red"]
    assert [b.label for b in found[0][1]["boxes"].boxes] == ["fork"]
