# SPDX-License-Identifier: Apache-2.0
"""Trunkline against OpenVINO by hand, each in its best setting, on the same frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trunkline
from callers import SETTINGS, answer, in_turn, queued, requests_of, side_by_side
from contest import Contest, settings_table
from figures import Target
from lab import SAME_TRUNK, Measured, by_label, read_all
from trunkline.engine.cores import available_cores
from trunkline.exports.reading import read_one
from trunkline.graphs.cutting import cut
from trunkline.graphs.merging import outline
from trunkline.images import read_picture, to_tensor
from workers import check_agreement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import openvino
    from numpy.typing import NDArray

    from callers import Feed, Push
    from lab import Lab
    from trunkline import Model, ModelSet
    from trunkline.predictions import Prediction

    Ask = Callable[[ModelSet], Mapping[str, Prediction]]

__all__ = ["for_one_picture", "nothing_shared", "ten", "trunk_alone", "trunk_of"]

TEN_TARGET = Target("at least", 8)
NOT_SLOWER, FASTER = Target("at least", 1), Target("more than", 1)
TRUNK_TARGET = Target("at least", 0.95)

NOTHING_SHARED = (
    "fruit-2",
    "landmarks-other-trunk",
    "landmarks-third-trunk",
    "food-onnx-opset1",
    "desk-onnx-opset7",
    "apple-orange-container-2025",
    "meter-container-2025",
)
"""One of each trunk: five of 2018, and both exports of 2025."""

SEPARATE = "OpenVINO, each model compiled"
TRUNK = "OpenVINO, the trunk alone"
TRUNK_FRAMES = 48  # enough that a pool's and a queue's first and last frames count for little


def ten(lab: Lab) -> Measured:
    """Run ten exports on one trunk against ten graphs; both make the picture ready once."""
    pair = _Pair(lab, SAME_TRUNK[: 3 if lab.quick else 10])
    count = len(pair.models)
    what = f"{count} exports on one trunk"
    contract = pair.models[0].contract

    def from_frame() -> Sequence[NDArray[Any]]:
        return [to_tensor(lab.frame, contract)] * count

    contests = [
        pair.contest_on_tensors(what, TEN_TARGET),
        pair.contest(f"{what}, frames", _predict(lab.frame), from_frame, TEN_TARGET),
    ]
    return _measured(lab, contests)


def nothing_shared(lab: Lab) -> Measured:
    """Run models that share nothing; separately, each makes the picture ready for itself."""
    pair = _Pair(lab, NOTHING_SHARED[: 2 if lab.quick else None])
    what = f"{len(pair.models)} models that share nothing"
    data = lab.picture.read_bytes()

    def from_frame() -> Iterator[NDArray[Any]]:
        return (to_tensor(lab.frame, model.contract) for model in pair.models)

    def from_file() -> Iterator[NDArray[Any]]:
        return (to_tensor(read_picture(data), model.contract) for model in pair.models)

    contests = [
        pair.contest_on_tensors(what, NOT_SLOWER),
        pair.contest(f"{what}, frames", _predict(lab.frame), from_frame, FASTER),
        pair.contest(f"{what}, JPEG files", _predict(data), from_file, FASTER),
    ]
    return _measured(lab, contests)


def trunk_alone(lab: Lab) -> Measured:
    """Run one model for throughput against OpenVINO's own queue on its trunk, without its head."""
    path = lab.models / SAME_TRUNK[0]
    ours = _Ours(lab, [path])
    queue = queued([trunk_of(_read(path), ours.throughput)])
    (contract,) = ours.throughput.plan.inputs.values()
    ready = [to_tensor(lab.frame, contract)]

    def contest(measured: str, ask: Ask, feed: Feed) -> Contest:
        theirs = {"its asynchronous queue, THROUGHPUT": queue(feed)}
        return Contest(
            measured, ours.settings(ask), TRUNK, theirs, TRUNK_TARGET, frames=TRUNK_FRAMES
        )

    contests = [
        contest("1 trunk, ready tensors", ours.on_tensors(), lambda: ready),
        contest("1 trunk, frames", _predict(lab.frame), lambda: [to_tensor(lab.frame, contract)]),
    ]
    return _measured(lab, contests)


class _Ours:
    """Exports loaded for either purpose."""

    def __init__(self, lab: Lab, paths: Sequence[Path]) -> None:
        self.latency = trunkline.load(*paths)
        self.throughput = trunkline.load(*paths, optimise="throughput")
        self._frame = lab.frame

    def on_tensors(self) -> Ask:
        """Return a way to ask that leaves preprocessing out."""
        inputs = self.latency.plan.inputs
        tensors = {tensor: to_tensor(self._frame, of) for tensor, of in inputs.items()}
        return lambda models: models.plan.answer(tensors)

    def settings(self, ask: Ask) -> Mapping[str, Push]:
        """Return Trunkline's settings; every answer is read."""

        def read() -> object:
            return read_all(ask(self.throughput))

        cores = available_cores()
        return {
            "latency, one caller": in_turn(lambda: read_all(ask(self.latency))),
            "throughput, a caller per core": side_by_side([read] * cores),
            "throughput, two callers per core": side_by_side([read] * 2 * cores),
        }


class _Pair:
    """Exports as a model set and as separate graphs, ready to be held against each other."""

    def __init__(self, lab: Lab, names: Sequence[str]) -> None:
        paths = [lab.models / name for name in names]
        self.models = [_read(path) for path in paths]
        self._ours = _Ours(lab, paths)
        self._frame = lab.frame
        graphs = [for_one_picture(model) for model in self.models]
        self._theirs = {name: make(graphs) for name, make in SETTINGS.items()}
        self._requests = requests_of(graphs)

    def contest_on_tensors(self, what: str, target: Target) -> Contest:
        """Leave preprocessing out on both sides."""
        ready = [to_tensor(self._frame, model.contract) for model in self.models]
        return self.contest(
            f"{what}, ready tensors", self._ours.on_tensors(), lambda: ready, target
        )

    def contest(self, measured: str, ask: Ask, feed: Feed, target: Target) -> Contest:
        """Check that both sides answer alike, and set them up.

        Args:
            measured: What is measured.
            ask: How Trunkline is asked.
            feed: How the separate graphs are fed.
            target: What the ratio of frames per second is to reach.
        """
        self._check(ask, feed)
        theirs = {name: setting(feed) for name, setting in self._theirs.items()}
        return Contest(measured, self._ours.settings(ask), SEPARATE, theirs, target)

    def _check(self, ask: Ask, feed: Feed) -> None:
        outputs = answer(self._requests, feed)
        theirs = {
            model.name: model.decoder([output], model.labels)
            for model, output in zip(self.models, outputs, strict=True)
        }
        for models in (self._ours.latency, self._ours.throughput):
            check_agreement(by_label(ask(models)), by_label(theirs), SEPARATE)


def _measured(lab: Lab, contests: Sequence[Contest]) -> Measured:
    outcomes = [contest.run(lab) for contest in contests]
    return Measured([outcome.finding() for outcome in outcomes], [settings_table(outcomes)])


def _predict(picture: NDArray[Any] | bytes) -> Ask:
    return lambda models: models.predict(picture)


def _read(path: Path) -> Model:
    model = read_one(path, path.name)
    if isinstance(model, Exception):
        raise model
    return model


def for_one_picture(model: Model) -> openvino.Model:
    """Fix the graph's sizes, as whoever cares for speed does."""
    assert model.graph is not None
    graph, contract = model.graph.clone(), model.contract
    size = [contract.height, contract.width]
    graph.reshape([1, *size, 3] if contract.layout == "NHWC" else [1, 3, *size])
    return graph


def trunk_of(model: Model, models: ModelSet) -> openvino.Model:
    """Return the graph that a model set compiled for a model's trunk."""
    assert model.graph is not None
    whole = outline(model.graph, model.contract)
    (part,) = models.plan.parts
    return cut(whole.graph, whole.names, part.segment.takes, part.segment.gives)
