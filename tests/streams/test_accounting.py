# SPDX-License-Identifier: Apache-2.0
"""What went in has come out or is counted as dropped, whatever happens meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from trunkline.streams.lanes import Lane
from trunkline.streams.passing import Passing
from trunkline.streams.rules import EVERY_MODEL, Camera, Rule
from trunkline.streams.watching import Watcher
from watchfakes import PATIENCE, FakeModels, FakeSink, FakeSource, classified, frame, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Frame


def cat(_: np.ndarray) -> Prediction:
    return classified("cat")


def test_a_still_frame_whose_model_has_failed_meanwhile_is_counted() -> None:
    both_out = threading.Event()

    def fail(_: np.ndarray) -> Prediction:
        assert both_out.wait(PATIENCE)
        raise RuntimeError("broken")

    source = FakeSource([frame(0), frame(1), frame(2, level=200)])
    camera = Camera(source, still=1.0)
    watcher = Watcher(FakeModels(a=fail), [camera], threads=2)
    with watcher:
        watcher.start()
        # The second is taken to be what the first showed, which has no answer yet.
        until(lambda: watcher._lanes[0].in_flight == 2)
        both_out.set()
        until(lambda: watcher.figures().cameras[0].frames == 3)
    (model,) = watcher.figures().cameras[0].models
    assert (model.answers, model.dropped, model.problem) == (0, {"error": 3}, "broken")


def test_a_model_that_goes_and_comes_back_keeps_its_counts_and_not_its_answer() -> None:
    models, sink = FakeModels(a=cat, b=cat), FakeSink()

    def coming() -> Iterator[Frame]:
        for number in range(9):
            until(lambda: len(sink.sights) == number)  # noqa: B023 - at once
            if number == 3:
                del models.models["b"]
            if number == 6:
                models.models["b"] = cat
            yield frame(number)

    watcher = Watcher(models, [Camera(FakeSource(coming()), still=1.0)], sinks=[sink], threads=1)
    watcher.run()
    answers = Counter(model for sight in sink.sights for model in sight.answers)
    assert answers == {"a": 9, "b": 6}
    told = {model.model: model.answers for model in watcher.figures().cameras[0].models}
    assert told == answers
    # Every frame looks alike, but after it came back the model was asked again.
    assert Counter(name for call in models.calls for name in call) == {"a": 1, "b": 2}


def test_a_model_that_comes_back_to_another_rule_begins_anew() -> None:
    rules = {"special": Rule("special", every=2), EVERY_MODEL: Rule(EVERY_MODEL)}
    lane = Lane(Camera(FakeSource([]), tuple(rules.values())), costs=None)
    lane.follow(["x", "special"])
    first = dict(lane._trackers)
    lane.follow([])
    lane.follow(["x"])
    assert lane._trackers["x"] is first["x"]
    lane._gone["special"].rule = Rule("special", every=3)
    lane.follow(["x", "special"])
    assert lane._trackers["special"] is not first["special"]


def test_of_models_that_have_gone_only_so_many_are_remembered() -> None:
    lane = Lane(Camera(FakeSource([])), costs=None)
    for number in range(1000):
        lane.follow([f"model-{number}"])
    assert list(lane._gone) == [f"model-{number}" for number in range(743, 999)]


def test_a_model_shows_once_it_is_loaded_though_no_frame_comes() -> None:
    models = FakeModels(a=cat)
    watcher = Watcher(models, [Camera(FakeSource([]))])
    assert [model.model for model in watcher.figures().cameras[0].models] == ["a"]
    models.models["b"] = cat
    assert [model.model for model in watcher.figures().cameras[0].models] == ["a", "b"]
    del models.models["a"]
    assert [model.model for model in watcher.figures().cameras[0].models] == ["b"]
    watcher.close()


class Losing(FakeSink):
    """A sink that knows whose sights it has lost."""

    dropped_by_camera = {"x": 2, "y": 1}


def test_what_sinks_have_lost_is_told_by_camera() -> None:
    faulty, losing = FakeSink(OSError("full")), Losing(dropped=3)
    sources = [FakeSource([frame(n, name) for n in range(4)], name=name) for name in "xy"]
    watcher = Watcher(FakeModels(a=cat), map(Camera, sources), sinks=[faulty, losing])
    watcher.run()
    first, second = watcher.figures().sinks
    assert (first.dropped, first.dropped_by_camera) == (8, {"x": 4, "y": 4})
    assert (second.dropped, second.dropped_by_camera) == (3, {"x": 2, "y": 1})


def test_sinks_are_closed_side_by_side() -> None:
    meeting = threading.Barrier(3)

    class Slow(FakeSink):
        def close(self, seconds: float) -> None:
            meeting.wait(PATIENCE)  # all of them must be here at once
            super().close(seconds)

    sinks = [Slow(), Slow(), Slow()]
    Passing(None, sinks, lambda: 0.0).close(7.0)
    assert [sink.closed_after for sink in sinks] == [7.0] * 3
