# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from trunkline.streams import passing, watching
from trunkline.streams.conditions import Condition
from trunkline.streams.regions import Region
from trunkline.streams.rules import Camera, Rule
from trunkline.streams.watching import Watcher
from watchfakes import (
    PATIENCE,
    FakeModels,
    FakeSink,
    FakeSource,
    classified,
    detected,
    frame,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Frame, Sight

LIGHT = 128


def light_is_cat(pixels: np.ndarray) -> Prediction:
    return classified("cat" if pixels[0, 0, 0] >= LIGHT else "dog")


def frames(levels: list[int], stream: str = "door") -> list[Frame]:
    return [frame(i, stream, level=level) for i, level in enumerate(levels)]


def watched(
    models: FakeModels, *rules: Rule, levels: list[int], still: float | None = None
) -> list[Sight]:
    source = FakeSource(frames(levels))
    camera = Camera(source, rules, still) if rules else Camera(source, still=still)
    return list(Watcher(models, [camera], threads=3))


def answered(sights: list[Sight], model: str) -> list[int]:
    return [sight.frame.number for sight in sights if model in sight.answers]


def events(sights: list[Sight]) -> list[tuple[int, str, str]]:
    return [(e.number, e.label, e.state) for sight in sights for e in sight.events]


def test_of_files_every_frame_is_answered_in_order_by_every_model() -> None:
    models = FakeModels(a=light_is_cat, b=lambda _: classified("dog"))
    sources = [FakeSource(frames([0] * 50, name), name=name) for name in "xyz"]
    sink = FakeSink()
    watcher = Watcher(models, map(Camera, sources), sinks=[sink], threads=3)
    sights = list(watcher)
    for name in "xyz":
        numbers = [sight.frame.number for sight in sights if sight.frame.stream == name]
        assert numbers == list(range(50))
    assert all(set(sight.answers) == {"a", "b"} and sight.latency >= 0 for sight in sights)
    assert Counter(map(id, sink.sights)) == Counter(map(id, sights))
    assert all(source.closed for source in sources)
    assert sink.closed_after is not None
    for figures in watcher.figures().cameras:
        assert (figures.frames, figures.dropped, figures.state) == (50, {}, "ended")
        assert [(m.answers, m.dropped) for m in figures.models] == [(50, {}), (50, {})]


def test_order_is_kept_though_frames_take_their_time() -> None:
    def slow_when_light(pixels: np.ndarray) -> Prediction:
        time.sleep(0.01 if pixels[0, 0, 0] else 0)
        return classified("cat")

    sights = watched(FakeModels(a=slow_when_light), levels=[255, 0, 0, 255, 0] * 6)
    assert [sight.frame.number for sight in sights] == list(range(30))


def test_rates() -> None:
    models = FakeModels(a=light_is_cat, b=light_is_cat, c=light_is_cat)
    rules = Rule("a"), Rule("b", every=4), Rule("c", seconds=0.5)
    sights = watched(models, *rules, levels=[0] * 12)
    assert answered(sights, "a") == list(range(12))
    assert answered(sights, "b") == [0, 4, 8]
    assert answered(sights, "c") == [0, 5, 10]
    assert len(sights) == 12


def test_a_model_looks_only_while_another_says_so() -> None:
    models = FakeModels(first=light_is_cat, second=lambda _: classified("dog"))
    rules = Rule("second", when=Condition("first", "cat", 0.6)), Rule("first")
    levels = [0, 255, 255, 0, 255, 0]
    sights = watched(models, *rules, levels=levels)
    assert answered(sights, "second") == [1, 2, 4]
    assert events([s for s in sights if s.frame.number < 4]) == [
        (0, "dog", "begin"),
        (1, "dog", "end"), (1, "cat", "begin"), (1, "dog", "begin"),
        (3, "cat", "end"), (3, "dog", "begin"), (3, "dog", "end"),
    ]  # fmt: skip


def test_who_waits_for_another_has_a_rate_as_well() -> None:
    models = FakeModels(first=light_is_cat, second=light_is_cat)
    rules = Rule("first"), Rule("second", every=3, when=Condition("first", "cat"))
    sights = watched(models, *rules, levels=[0, 255, 255, 255, 255, 255, 255])
    assert answered(sights, "second") == [1, 4]


def test_the_last_answer_counts_where_it_was_not_the_others_turn() -> None:
    models = FakeModels(first=light_is_cat, second=light_is_cat, third=light_is_cat)
    rules = (
        Rule("first", every=3),
        Rule("second", when=Condition("first", "cat")),
        Rule("third", when=Condition("second", "dog")),
    )
    sights = watched(models, *rules, levels=[255, 0, 0, 0, 255, 255])
    assert answered(sights, "second") == [0, 1, 2]
    # What the second said last still counts when it does not look any more.
    assert answered(sights, "third") == [1, 2, 3, 4, 5]


def test_events_are_those_that_were_put_in() -> None:
    levels = [0] * 5 + [255] * 10 + [0] * 10
    flicker = list(levels)
    flicker[2] = flicker[17] = 255
    flicker[10] = 0
    plain = watched(FakeModels(a=light_is_cat), levels=flicker)
    cats = [(n, state) for n, label, state in events(plain) if label == "cat"]
    assert [n for n, _ in cats] == [2, 3, 5, 10, 11, 15, 17, 18]
    smooth = watched(FakeModels(a=light_is_cat), Rule("a", smoothing=(3, 5)), levels=flicker)
    cats = [(n, state) for n, label, state in events(smooth) if label == "cat"]
    assert cats == [(6, "begin"), (18, "end")]
    (begin,) = [e for s in smooth for e in s.events if (e.label, e.state) == ("cat", "begin")]
    assert (begin.stream, begin.model, begin.at) == ("door", "a", 0.6)
    assert begin.probability == pytest.approx(0.9)


def test_a_region_is_cut_and_boxes_are_moved_and_weak_ones_left_out() -> None:
    shapes = []

    def boxes(pixels: np.ndarray) -> Prediction:
        shapes.append(pixels.shape)
        return detected(("cat", 0.9), ("dog", 0.3))

    models = FakeModels(a=boxes, b=boxes)
    rules = Rule("a", region=Region(0.5, 0.25, 0.5, 0.75)), Rule("b", threshold=0.2)
    (sight,) = watched(models, *rules, levels=[0])
    assert sorted(shapes) == [(30, 30, 3), (40, 60, 3)]
    (box,) = sight.answers["a"].boxes
    assert (box.left, box.top, box.width, box.height) == (0.5, 0.25, 0.25, 0.375)
    assert [b.label for b in sight.answers["b"].boxes] == ["cat", "dog"]


def test_still_frames_take_the_last_answer_only_where_asked() -> None:
    levels = [0, 1, 2, 200, 201, 200, 0]
    models = FakeModels(a=light_is_cat, b=light_is_cat)
    sights = watched(models, levels=levels)
    assert len(models.calls) == 7
    models.calls.clear()
    rules = Rule("a"), Rule("b", when=Condition("a", "cat"))
    sights = watched(models, *rules, levels=levels, still=1.5)
    assert answered(sights, "a") == list(range(7))
    labels = [sight.answers["a"].label for sight in sights]
    assert labels == ["dog"] * 3 + ["cat"] * 3 + ["dog"]
    assert Counter(models.calls) == {("a",): 4, ("b",): 1}
    assert answered(sights, "b") == [3, 4, 5]


def test_a_model_that_fails_does_not_stop_the_others() -> None:
    def fails_when_light(pixels: np.ndarray) -> Prediction:
        if pixels[0, 0, 0]:
            raise RuntimeError("too bright")
        return classified("cat")

    models = FakeModels(a=fails_when_light, b=light_is_cat)
    source = FakeSource(frames([0, 255, 255]))
    watcher = Watcher(models, [Camera(source)])
    sights = list(watcher)
    assert answered(sights, "a") == [0]
    assert answered(sights, "b") == [0, 1, 2]
    a, b = watcher.figures().cameras[0].models
    assert (a.answers, a.dropped, a.problem) == (1, {"error": 2}, "too bright")
    assert (b.answers, b.dropped, b.problem) == (3, {}, "")


def test_models_come_and_go() -> None:
    models = FakeModels(a=light_is_cat)

    def coming() -> Iterator[Frame]:
        yield frame(0)
        until(lambda: watcher.figures().cameras[0].frames == 1)
        models.models["b"] = light_is_cat
        yield frame(1)
        until(lambda: watcher.figures().cameras[0].frames == 2)
        del models.models["a"]
        yield frame(2)

    watcher = Watcher(models, [Camera(FakeSource(coming()))])
    sights = list(watcher)
    assert [set(sight.answers) for sight in sights] == [{"a"}, {"a", "b"}, {"b"}]


def test_a_model_that_goes_while_it_is_asked_is_counted() -> None:
    class Going(FakeModels):
        def __iter__(self) -> Iterator[str]:
            return iter(["a", "gone"])

    watcher = Watcher(Going(a=light_is_cat), [Camera(FakeSource([frame()]))])
    (sight,) = watcher
    assert set(sight.answers) == {"a"}
    assert watcher.figures().cameras[0].models[1].dropped == {"unloaded": 1}


def test_sinks_and_sources_that_fail_do_not_stop_the_others() -> None:
    good, bad = FakeSink(), FakeSink(OSError("full"))
    sources = [
        FakeSource(frames([0] * 5, "x"), name="x", fault=ValueError("torn")),
        FakeSource(frames([0] * 9, "y"), name="y"),
    ]
    watcher = Watcher(
        FakeModels(a=light_is_cat), map(Camera, sources), sinks=[bad, good], threads=1
    )
    watcher.run()
    assert Counter(sight.frame.stream for sight in good.sights) == {"x": 5, "y": 9}
    figures = watcher.figures()
    assert [(c.state, c.problem) for c in figures.cameras] == [("failed", "torn"), ("ended", "")]
    assert [sink.dropped for sink in figures.sinks] == [14, 0]
    assert bad.closed_after is not None


class Gate:
    """A model that answers when it is let, and tells when it is asked."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked = threading.Event()

    def __call__(self, pixels: np.ndarray) -> Prediction:
        self.asked.set()
        assert self.open.wait(PATIENCE)
        return classified("cat")


def test_of_live_cameras_the_newest_frame_wins_and_all_are_accounted_for() -> None:
    gate = Gate()

    def coming() -> Iterator[Frame]:
        yield frame(0)
        assert gate.asked.wait(PATIENCE)
        yield from (frame(i) for i in range(1, 10))

    source = FakeSource(coming(), live=True, endless=True, lost=3)
    sink = FakeSink()
    rules = Rule("a"), Rule("b", every=3), Rule("c", when=Condition("a", "dog"))
    watcher = Watcher(
        FakeModels(a=gate, b=light_is_cat, c=light_is_cat),
        [Camera(source, rules)],
        sinks=[sink],
        threads=1,
    )
    with watcher:
        watcher.start()
        watcher.start()
        until(source.pulled.is_set)
        gate.open.set()
        until(lambda: len(sink.sights) == 2)
    assert [sight.frame.number for sight in sink.sights] == [0, 9]
    (camera,) = watcher.figures().cameras
    assert camera.dropped == {"late": 8, "source": 3}
    assert {m.model: m.dropped for m in camera.models} == {
        "a": {"late": 8}, "b": {"late": 6}, "c": {},
    }  # fmt: skip


def test_what_cannot_meet_its_deadline_is_dropped_lowest_priority_first() -> None:
    gate, now = Gate(), [1000.0]
    clock = watching.Clock(lambda: now[0], lambda: now[0])

    def slow(pixels: np.ndarray) -> Prediction:
        now[0] += 0.6
        return classified("cat")

    def coming() -> Iterator[Frame]:
        for i in range(3):
            yield frame(i, at=now[0])
            until(lambda: len(sink.sights) + dropped() == i + 1)  # noqa: B023 - at once

    def dropped() -> int:
        return watcher.figures().cameras[0].dropped.get("deadline", 0)

    sink = FakeSink()
    rules = (
        Rule("quick", priority=1, deadline=0.5),
        Rule("slow"),
        Rule("later", when=Condition("quick", "cat"), deadline=0.5),
    )
    watcher = Watcher(
        FakeModels(quick=lambda _: classified("cat"), slow=slow, later=slow),
        [Camera(FakeSource(coming(), live=True), rules)],
        sinks=[sink],
        threads=1,
        clock=clock,
    )
    watcher.run()
    assert [set(sight.answers) for sight in sink.sights] == [
        {"quick", "slow", "later"}, {"quick"}, {"quick"},
    ]  # fmt: skip
    assert {m.model: dict(m.dropped) for m in watcher.figures().cameras[0].models} == {
        "quick": {}, "slow": {"deadline": 2}, "later": {"deadline": 2},
    }  # fmt: skip
    assert not gate.asked.is_set()


def test_a_frame_that_nothing_can_answer_in_time_is_dropped_whole() -> None:
    now = [1000.0]
    sink = FakeSink()

    def slow(pixels: np.ndarray) -> Prediction:
        now[0] += 0.6
        return classified("cat")

    def coming() -> Iterator[Frame]:
        yield frame(0, at=now[0])
        until(lambda: sink.sights)
        yield frame(1, at=now[0])

    watcher = Watcher(
        FakeModels(a=slow),
        [Camera(FakeSource(coming(), live=True), (Rule("a", deadline=0.5),))],
        sinks=[sink],
        clock=watching.Clock(lambda: now[0], lambda: now[0]),
    )
    watcher.run()
    assert len(sink.sights) == 1
    assert sink.sights[0].latency == pytest.approx(0.6)
    assert watcher.figures().cameras[0].dropped == {"deadline": 1}


def test_files_are_never_dropped_for_a_deadline() -> None:
    models = FakeModels(a=lambda _: time.sleep(0.005) or classified("cat"))
    sights = watched(models, Rule("a", deadline=0.001), levels=[0] * 8)
    assert answered(sights, "a") == list(range(8))


def unpausing(name: str) -> Iterator[Frame]:
    for i in range(10**6):
        time.sleep(0.0005)
        yield frame(i, name)


def test_no_camera_starves_beside_others_that_never_pause() -> None:
    names = "low", "high", "higher"
    sources = [FakeSource(unpausing(name), name=name, live=True) for name in names]
    cameras = [
        Camera(source, (Rule("a", priority=priority),)) for priority, source in enumerate(sources)
    ]
    sink = FakeSink()
    models = FakeModels(a=lambda _: time.sleep(0.001) or classified("cat"))
    with Watcher(models, cameras, sinks=[sink], threads=2) as watcher:
        watcher.start()
        until(lambda: all(camera.frames >= 2 for camera in watcher.figures().cameras))
    for name in names:
        numbers = [s.frame.number for s in sink.sights if s.frame.stream == name]
        assert numbers == sorted(numbers)


def test_a_reader_that_takes_its_time_holds_files_back() -> None:
    source = FakeSource(frames([0] * 100))
    watcher = Watcher(FakeModels(a=light_is_cat), [Camera(source)], threads=2)
    sights = iter(watcher)
    first = next(sights)
    until(lambda: watcher.figures().cameras[0].frames >= 8)
    time.sleep(0.05)
    assert watcher.figures().cameras[0].frames <= 14
    assert [first.frame.number, *(s.frame.number for s in sights)] == list(range(100))


def test_stopping_counts_what_still_waits_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    gate = Gate()
    source = FakeSource(frames([0] * 100))
    sink = FakeSink()
    watcher = Watcher(FakeModels(a=gate), [Camera(source)], sinks=[sink], threads=1)
    runner = threading.Thread(target=watcher.run)
    runner.start()
    assert gate.asked.wait(PATIENCE)
    until(lambda: watcher._lanes[0].is_full)
    watcher.stop()
    gate.open.set()
    runner.join(PATIENCE)
    assert not runner.is_alive()
    watcher.close()
    (camera,) = watcher.figures().cameras
    taken = 100 - len(list(source._left))
    assert camera.frames == len(sink.sights) == 1
    assert camera.frames + camera.dropped["stopped"] == taken
    until(lambda: set(threading.enumerate()) <= before)


def test_stop_ends_the_loop() -> None:
    source = FakeSource([frame()], live=True, endless=True)
    watcher = Watcher(FakeModels(a=light_is_cat), [Camera(source)])
    for _ in watcher:
        watcher.stop()
    assert source.closed


def test_a_fault_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(passing, "Outcome", broken)
    for use in (lambda w: w.run(), list):
        source = FakeSource([frame()], live=True, endless=True)
        with pytest.raises(ZeroDivisionError):
            use(Watcher(FakeModels(a=light_is_cat), [Camera(source)]))
        assert source.closed


def test_cameras_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="two cameras are called door"):
        Watcher(FakeModels(), [Camera(FakeSource([])), Camera(FakeSource([]))])
    with pytest.raises(ValueError, match="no camera"):
        Watcher(FakeModels(), [])
