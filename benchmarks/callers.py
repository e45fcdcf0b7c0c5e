# SPDX-License-Identifier: Apache-2.0
"""Ways to push frames through graphs, and those of people who compile each model's by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import openvino

from trunkline.engine.cores import available_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Outputs = list[NDArray[Any]]

__all__ = [
    "SETTINGS",
    "Feed",
    "Push",
    "answer",
    "in_turn",
    "queued",
    "requests_of",
    "side_by_side",
]

Push = Callable[[int], object]
"""Answers so many frames, and returns when all are answered."""

Feed = Callable[[], Iterable["NDArray[Any]"]]
"""Makes one frame ready: a tensor for each graph, in their order."""


def in_turn(answer: Callable[[], object]) -> Push:
    """Answer one frame after another."""
    return lambda frames: [answer() for _ in range(frames)]


def side_by_side(answers: Sequence[Callable[[], object]]) -> Push:
    """Answer frames in threads, one for each of ``answers``."""
    # As a server's, the threads stay: OpenVINO sets something up for every new one.
    pool = ThreadPoolExecutor(len(answers))

    def push(frames: int) -> None:
        share = -(-frames // len(answers))
        for done in [pool.submit(in_turn(answer), share) for answer in answers]:
            done.result()

    return push


def queued(graphs: Sequence[openvino.Model]) -> Callable[[Feed], Push]:
    """Put frames into OpenVINO's asynchronous queues, of as many calls as they like."""
    queues = [openvino.AsyncInferQueue(n) for n in _compiled(graphs, "THROUGHPUT")]

    def push(feed: Feed, frames: int) -> None:
        for _ in range(frames):
            for queue, tensor in zip(queues, feed(), strict=True):
                # A shared input must outlive its call; user data lives until the next one.
                queue.start_async([tensor], userdata=tensor, share_inputs=True)
        for queue in queues:
            queue.wait_all()

    return lambda feed: lambda frames: push(feed, frames)


def _one_after_another(graphs: Sequence[openvino.Model]) -> Callable[[Feed], Push]:
    requests = requests_of(graphs)
    return lambda feed: in_turn(lambda: answer(requests, feed))


def _all_started(graphs: Sequence[openvino.Model]) -> Callable[[Feed], Push]:
    requests = _requests(_compiled(graphs, "THROUGHPUT"))

    def start(feed: Feed) -> Outputs:
        kept = []  # for as long as the calls run
        for request, tensor in zip(requests, feed(), strict=True):
            kept.append(tensor)
            request.start_async([tensor], share_inputs=True)
        for request in requests:
            request.wait()
        return [request.output_tensors[0].data.copy() for request in requests]

    return lambda feed: in_turn(lambda: start(feed))


def _by_threads(graphs: Sequence[openvino.Model]) -> Callable[[Feed], Push]:
    networks = _compiled(graphs, "THROUGHPUT")
    workers = [_requests(networks) for _ in range(available_cores())]
    return lambda feed: side_by_side([partial(answer, own, feed) for own in workers])


def requests_of(graphs: Sequence[openvino.Model]) -> list[openvino.InferRequest]:
    """Compile graphs for latency, and return a request of each."""
    return _requests(_compiled(graphs, "LATENCY"))


def answer(requests: Sequence[openvino.InferRequest], feed: Feed) -> Outputs:
    """Answer one frame, one request after another; return their first outputs."""
    outputs = []
    for request, tensor in zip(requests, feed(), strict=True):
        request.infer([tensor], share_inputs=True)
        outputs.append(request.output_tensors[0].data.copy())
    return outputs


def _requests(networks: Sequence[openvino.CompiledModel]) -> list[openvino.InferRequest]:
    return [network.create_infer_request() for network in networks]


def _compiled(
    graphs: Sequence[openvino.Model], hint: Literal["LATENCY", "THROUGHPUT"]
) -> list[openvino.CompiledModel]:
    """Compile graphs for one call on all cores, or for as many calls with a core each.

    Graphs that are compiled for a single core would not do for the latter: OpenVINO runs them all
    on the same one.
    """
    core, cores = openvino.Core(), available_cores()
    properties = {
        "PERFORMANCE_HINT": hint,
        "NUM_STREAMS": 1 if hint == "LATENCY" else cores,
        "INFERENCE_NUM_THREADS": cores,
        "INFERENCE_PRECISION_HINT": "f32",  # as exact as Trunkline's
    }
    return [core.compile_model(graph, "CPU", properties) for graph in graphs]


SETTINGS: dict[str, Callable[[Sequence[openvino.Model]], Callable[[Feed], Push]]] = {
    "one after another, all cores on each": _one_after_another,
    "all started at once, a core each": _all_started,
    "frames side by side, a core each": _by_threads,
    "an asynchronous queue each, THROUGHPUT": queued,
}
"""How graphs that were compiled one by one can be run, by what tables call it."""
