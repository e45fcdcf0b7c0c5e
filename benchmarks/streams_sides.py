# SPDX-License-Identifier: Apache-2.0
"""Who watches in ``streams``, each as a process of its own.

Run as a program it is one side. It opens its models, writes their answers for one picture as a
line of JSON, then reads lines that each name something to do, and writes what came of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from streams_record import PATIENCE, REST, SETTLE, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from streams_loop import Predict
    from trunkline.streams.figures import Figures
    from trunkline.streams.frames import Sight
    from workers import Answers

__all__ = ["BARE", "OURS", "SIDES", "Side"]

OURS, BARE = "trunkline", "bare"


class TrunklineSide:
    """Trunkline's own watcher, with a sink that reads every answer."""

    def __init__(self, exports: Sequence[Path]) -> None:
        import trunkline
        from trunkline.engine import heap

        heap.keep_large_blocks()  # as ``trunkline watch`` does
        self._models = trunkline.load(*exports, optimise="throughput")

    def answers(self, picture: Path) -> Answers:
        """Answer for one picture."""
        from lab import by_label

        return by_label(self._models.predict(_pixels(picture)))

    def watch(self, urls: Sequence[str], seconds: float) -> Mapping[str, Any]:
        """Watch cameras and count for so many seconds."""
        from trunkline.streams.rules import Camera
        from trunkline.streams.sources import open_source
        from trunkline.streams.watching import Watcher

        record = Record()
        cameras = [Camera(open_source(url, name=str(i))) for i, url in enumerate(urls)]
        with Watcher(self._models, cameras, sinks=[_Reading(record)]) as watcher:
            watcher.start()
            _wait(lambda: record.has_seen(len(urls)))
            time.sleep(SETTLE)
            before = _dropped(watcher.figures())
            record.begin()
            time.sleep(seconds)
            record.end()
            record.dropped = dict(_dropped(watcher.figures()) - before)
            time.sleep(REST)
        return asdict(record)


class _Reading:
    """A sink that reads every model's label and probability."""

    dropped, problem = 0, ""

    def __init__(self, record: Record) -> None:
        self._record = record

    def put(self, sight: Sight) -> None:
        from lab import read_all

        read_all(sight.answers)
        self._record.see(int(sight.frame.stream), sight.frame.pixels)

    def close(self, seconds: float) -> None:
        """Hold nothing."""


def _dropped(figures: Figures) -> Counter[str]:
    return sum((Counter(camera.dropped) for camera in figures.cameras), Counter[str]())


def _wait(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            raise RuntimeError("a camera was never answered")
        time.sleep(0.02)


class LoopSide:
    """A loop over OpenCV's cameras that asks one model after another."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict

    def answers(self, picture: Path) -> Answers:
        """Answer for one picture."""
        return self._predict(_pixels(picture))

    def watch(self, urls: Sequence[str], seconds: float) -> Mapping[str, Any]:
        """Watch cameras and count for so many seconds."""
        from streams_loop import watch_in_turn

        return asdict(watch_in_turn(self._predict, urls, seconds))


def _openvino(exports: Sequence[Path]) -> Predict:
    """Compile each model by itself for all cores; the frame is made ready once, as Trunkline's."""
    from callers import answer, requests_of
    from rivals import for_one_picture
    from trunkline.exports.reading import read_one
    from trunkline.images import to_tensor

    models = [read_one(export, export.name) for export in exports]
    requests = requests_of([for_one_picture(model) for model in models])

    def predict(frame: NDArray[np.uint8]) -> Mapping[str, Mapping[str, float]]:
        tensor = to_tensor(frame, models[0].contract)
        outputs = answer(requests, lambda: [tensor] * len(models))
        return {
            model.name: dict(zip(model.labels, output[0].tolist(), strict=True))
            for model, output in zip(models, outputs, strict=True)
        }

    return predict


class BareSide:
    """The trunk of the first model alone in OpenVINO, set up in two ways; it watches nothing."""

    def __init__(self, exports: Sequence[Path]) -> None:
        import trunkline
        from callers import SETTINGS
        from rivals import trunk_of
        from trunkline.exports.reading import read_one

        models = trunkline.load(exports[0], optimise="throughput")
        (self._contract,) = models.plan.inputs.values()
        trunk = trunk_of(read_one(exports[0], exports[0].name), models)
        self._ways = [SETTINGS[name]([trunk]) for name in _WAYS]

    def answers(self, picture: Path) -> Answers:
        """Answer nothing, but keep the picture."""
        self._data = picture.read_bytes()
        return {}

    def watch(self, seconds: float) -> Mapping[str, Any]:
        """Return frames per second: of ready tensors, and of files that it has to make ready.

        Of each the better of both ways, which are given so many seconds in turn.
        """
        feeds = {"ready": lambda: ready, "decoded": self._decoded}
        ready = self._decoded()
        return {
            name: max(_rate(way(feed), seconds) for way in self._ways)
            for name, feed in feeds.items()
        }

    def _decoded(self) -> list[NDArray[Any]]:
        """Decode the picture as Trunkline does, and make it ready."""
        import av

        from trunkline.images import to_tensor

        decoder = av.CodecContext.create("mjpeg", "r")
        decoder.thread_count = 1
        (image,) = decoder.decode(av.Packet(self._data))
        return [to_tensor(image.to_ndarray(format="rgb24"), self._contract)]


_WAYS = "frames side by side, a core each", "an asynchronous queue each, THROUGHPUT"
_PUSHED = 48  # frames at a time, so that a queue's first and last count for little


def _rate(push: Callable[[int], object], seconds: float) -> float:
    push(_PUSHED)
    begun, pushed = time.perf_counter(), 0
    while (passed := time.perf_counter() - begun) < seconds:
        push(_PUSHED)
        pushed += _PUSHED
    return pushed / passed


def _pixels(picture: Path) -> NDArray[np.uint8]:
    with Image.open(picture) as image:
        return np.asarray(image)


def _contender(name: str) -> Callable[[Sequence[Path]], LoopSide]:
    def make(exports: Sequence[Path]) -> LoopSide:
        from contenders import CONTENDERS

        return LoopSide(CONTENDERS[name].open(exports))

    return make


@dataclass(frozen=True, slots=True)
class Side:
    """Who watches.

    Attributes:
        title: What tables call it.
        make: Opens exports.
        most: By number of models, the most cameras that are measured; None for all. What is left
            out is so slow that more cameras would only share the same few frames.
    """

    title: str
    make: Callable[[Sequence[Path]], Any]
    most: Mapping[int, int] | None = None


SIDES: Mapping[str, Side] = {
    OURS: Side("Trunkline", TrunklineSide),
    "openvino": Side(
        "OpenVINO, one model after another", lambda exports: LoopSide(_openvino(exports))
    ),
    "recipe-once": Side("recipe, picture made ready once", _contender("recipe-once")),
    "recipe": Side("usual recipe (TensorFlow)", _contender("recipe"), {1: 1, 10: 1, 100: 0}),
}


def _run(name: str, specification: Mapping[str, Any]) -> None:
    exports = [Path(export) for export in specification["exports"]]
    side = BareSide(exports) if name == BARE else SIDES[name].make(exports)
    print(json.dumps(side.answers(Path(specification["picture"]))), flush=True)
    for line in sys.stdin:
        print(json.dumps(side.watch(**json.loads(line))), flush=True)


if __name__ == "__main__":
    _run(sys.argv[1], json.loads(sys.argv[2]))
