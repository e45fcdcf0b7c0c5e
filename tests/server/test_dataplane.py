# SPDX-License-Identifier: Apache-2.0
"""The data plane: answers off the event loop, refuses early, and counts what is inside."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import builders
import trunkline
from trunkline.images import to_tensor
from trunkline.server import dataplane as module
from trunkline.server.dataplane import DataPlane, Served
from trunkline.server.faults import BadRequestError, BusyError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RED = np.full((20, 24, 3), (255, 0, 0), np.uint8)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> trunkline.ModelSet:
    folder = tmp_path_factory.mktemp("models")
    builders.openvino_classifier(folder / "colours")
    builders.onnx_classifier(folder / "hues")
    return trunkline.load(folder)


@pytest.fixture
def seen() -> list[Served]:
    return []


@pytest.fixture
def plane(models: trunkline.ModelSet, seen: list[Served]) -> Iterator[DataPlane]:
    made = DataPlane(models, waiting=1, deadline=5.0, seen=seen.append)
    yield made
    made.close()


class Gate:
    """A model set that waits until it is let go."""

    def __init__(self, models: trunkline.ModelSet) -> None:
        self._models = models
        self.open = threading.Event()
        self.asked = 0

    def predict(self, picture: np.ndarray, **wanted: object) -> object:
        self.asked += 1
        self.open.wait(10)
        return self._models.predict(picture, **wanted)  # type: ignore[arg-type]


def test_what_is_made_of_answers_is_made_off_the_event_loop(
    plane: DataPlane, models: trunkline.ModelSet, seen: list[Served]
) -> None:
    def form(answers: object) -> tuple[list[str], str]:
        return list(answers), threading.current_thread().name  # type: ignore[call-overload]

    names, thread = asyncio.run(plane.tell(RED, ["hues"], form))
    assert names == ["hues"]
    assert thread.startswith("trunkline_")
    assert [each.outcome for each in seen] == ["answered"]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(plane.tell(RED, None, lambda _: 1 / 0))
    assert seen[-1].outcome == "failed"
    assert plane.inside == 0


def test_it_answers_as_the_models_do(
    plane: DataPlane, models: trunkline.ModelSet, seen: list[Served], tmp_path: Path
) -> None:
    encoded = builders.picture(tmp_path / "red.png", "red").read_bytes()

    async def ask() -> list[object]:
        return await asyncio.gather(
            plane.predict(RED), plane.predict(encoded, ["hues"]), plane.predict(RED, ["colours"])
        )

    every, hues, colours = asyncio.run(ask())
    expected = models.predict(RED)
    assert list(every) == ["colours", "hues"]
    assert (list(hues), list(colours)) == (["hues"], ["colours"])
    np.testing.assert_array_equal(
        colours["colours"].probabilities, expected["colours"].probabilities
    )
    assert {each.models for each in seen} == {None, frozenset({"hues"}), frozenset({"colours"})}
    assert {each.outcome for each in seen} == {"answered"}
    assert all(each.ran > 0 and each.waited >= 0 for each in seen)
    assert plane.inside == plane.depth == 0


def test_a_tensor_is_answered_as_the_picture_it_was_made_from(
    plane: DataPlane, models: trunkline.ModelSet, seen: list[Served]
) -> None:
    tensor = to_tensor(RED, models["colours"].contract)[0]
    answers = asyncio.run(plane.predict_tensor(tensor, "colours"))
    assert list(answers) == ["colours"]
    np.testing.assert_array_equal(
        answers["colours"].probabilities, models.predict(RED)["colours"].probabilities
    )
    assert [(each.models, each.outcome) for each in seen] == [(frozenset({"colours"}), "answered")]


@pytest.mark.parametrize(
    ("tensor", "name", "fault", "outcome"),
    [
        (np.zeros((2, 2, 3), np.float32), "colours", BadRequestError, "picture"),
        (np.zeros((16, 16, 3), np.float32), "nobody", NotFoundError, "unknown"),
    ],
)
def test_a_tensor_that_cannot_be_answered_is_said(
    plane: DataPlane,
    seen: list[Served],
    tensor: np.ndarray,
    name: str,
    fault: type[Exception],
    outcome: str,
) -> None:
    with pytest.raises(fault):
        asyncio.run(plane.predict_tensor(tensor, name))
    assert [each.outcome for each in seen] == [outcome]
    assert plane.inside == 0


def test_models_are_counted(plane: DataPlane, models: trunkline.ModelSet) -> None:
    tensor = to_tensor(RED, models["colours"].contract)[0]

    async def ask() -> None:
        await plane.predict(RED)
        await plane.predict(RED, ["hues"])
        await plane.predict_tensor(tensor, "colours")
        for picture, name in ((b"none", "hues"), (RED, "nobody")):
            with pytest.raises((BadRequestError, NotFoundError)):
                await plane.predict(picture, [name])

    asyncio.run(ask())
    counts = {name: plane.tally.of(name) for name in ("colours", "hues", "nobody")}
    assert {name: (c.answered, c.failed) for name, c in counts.items()} == {
        "colours": (2, 0),
        "hues": (2, 1),
        "nobody": (0, 0),
    }
    assert counts["hues"].ran > 0


@pytest.mark.parametrize(
    ("picture", "names", "fault", "outcome"),
    [
        (b"no picture", None, BadRequestError, "picture"),
        (RED, ["nobody"], NotFoundError, "unknown"),
    ],
)
def test_what_cannot_be_answered_is_said(
    plane: DataPlane,
    seen: list[Served],
    picture: bytes | np.ndarray,
    names: list[str] | None,
    fault: type[Exception],
    outcome: str,
) -> None:
    with pytest.raises(fault):
        asyncio.run(plane.predict(picture, names))
    assert [each.outcome for each in seen] == [outcome]
    assert plane.inside == 0


def test_a_full_queue_refuses_and_goes_on(plane: DataPlane, seen: list[Served]) -> None:
    gate = Gate(plane.models)
    plane.models = gate  # type: ignore[assignment]

    async def crowd() -> list[object]:
        room = plane._workers + 1  # one may wait
        asked = [asyncio.create_task(plane.predict(RED)) for _ in range(room + 3)]
        await asyncio.sleep(0.05)
        assert (plane.inside, plane.depth) == (room, 1)
        gate.open.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    outcomes = asyncio.run(crowd())
    refused = [each for each in outcomes if isinstance(each, BusyError)]
    assert len(refused) == 3
    assert refused[0].retry_after
    assert sum(each.outcome == "answered" for each in seen) == len(outcomes) - 3
    assert asyncio.run(plane.predict(RED))


def test_what_waited_too_long_is_not_run(
    plane: DataPlane, seen: list[Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.time, "monotonic", lambda: 100.0)
    gate = Gate(plane.models)
    plane.models = gate  # type: ignore[assignment]
    plane._count(1)
    with pytest.raises(UnavailableError, match="too long"):
        plane._run(lambda: gate.predict(RED), None, list, 94.0)
    assert gate.asked == 0
    assert seen[0].outcome == "late"


def test_whoever_hangs_up_leaves_no_work_behind(plane: DataPlane) -> None:
    gate = Gate(plane.models)
    plane.models = gate  # type: ignore[assignment]

    async def hang_up() -> None:
        asked = [asyncio.create_task(plane.predict(RED)) for _ in range(plane._workers + 1)]
        await asyncio.sleep(0.05)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert plane.inside == plane._workers  # what runs cannot be stopped
        gate.open.set()
        await plane.drain()

    asyncio.run(hang_up())
    assert gate.asked == plane._workers
    assert plane.inside == 0


def test_draining_ends_what_is_inside_and_takes_no_more(plane: DataPlane) -> None:
    gate = Gate(plane.models)
    plane.models = gate  # type: ignore[assignment]

    async def stop() -> object:
        asked = asyncio.create_task(plane.predict(RED))
        await asyncio.sleep(0.05)
        draining = asyncio.create_task(plane.drain())
        await asyncio.sleep(0.03)
        assert not draining.done()
        with pytest.raises(UnavailableError, match="about to stop"):
            await plane.predict(RED)
        gate.open.set()
        await draining
        return await asked

    assert asyncio.run(stop())


def test_the_event_loop_is_free_meanwhile(plane: DataPlane) -> None:
    gate = Gate(plane.models)
    plane.models = gate  # type: ignore[assignment]

    async def tick() -> float:
        asked = asyncio.create_task(plane.predict(RED))
        begun = time.monotonic()
        for _ in range(20):
            await asyncio.sleep(0)
        passed = time.monotonic() - begun
        gate.open.set()
        await asked
        return passed

    assert asyncio.run(tick()) < 5  # and not the ten seconds that the gate would have waited
