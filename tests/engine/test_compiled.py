# SPDX-License-Identifier: Apache-2.0
"""A compiled graph: buffers are lent, requests are used again, threads do not meet."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from trunkline.engine import compiled
from trunkline.engine.compiled import CompiledGraph

if TYPE_CHECKING:
    from trunkline.engine.compiled import Optimise

WIDTH = 64


def graph(width: int = WIDTH) -> openvino.Model:
    """Two inputs and two outputs: the sum, and the product with a matrix."""
    first = ops.parameter([1, width], openvino.Type.f32, name="first")
    second = ops.parameter([1, width], openvino.Type.f32, name="second")
    matrix = np.random.default_rng(0).normal(0, 1, (width, width)).astype(np.float32)
    product = ops.matmul(first, matrix, transpose_a=False, transpose_b=False)
    return openvino.Model([ops.add(first, second), product], [first, second], "two")


def row(seed: int, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (1, width)).astype(np.float32)


def expected(first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    matrix = np.random.default_rng(0).normal(0, 1, (WIDTH, WIDTH)).astype(np.float32)
    return [first + second, first @ matrix]


class CountedRequests:
    """A compiled model that counts the requests made from it."""

    def __init__(self, own: openvino.CompiledModel) -> None:
        self.own, self.made = own, 0

    def create_infer_request(self) -> openvino.InferRequest:
        self.made += 1
        return self.own.create_infer_request()


@pytest.fixture(scope="module", params=["latency", "throughput"])
def two(request: pytest.FixtureRequest) -> CompiledGraph:
    return CompiledGraph(graph(), 2, request.param)


def test_outputs_come_in_the_graphs_order(two: CompiledGraph) -> None:
    found = two(row(1), row(2))
    for each, other in zip(found, expected(row(1), row(2)), strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-5, atol=1e-5)


def test_what_a_call_returns_is_the_callers(two: CompiledGraph) -> None:
    first = two(row(1), row(2))
    kept = [each.copy() for each in first]
    two(row(3), row(4))
    for each, other in zip(first, kept, strict=True):
        np.testing.assert_array_equal(each, other)


def test_buffers_are_lent_until_released(two: CompiledGraph) -> None:
    held = two.run([row(1), row(2)])
    kept = [each.copy() for each in held.outputs]
    other = two.run([row(3), row(4)])
    other.release()
    for each, copy in zip(held.outputs, kept, strict=True):
        np.testing.assert_array_equal(each, copy)
    held.release()


def test_calls_that_are_started_answer_when_they_are_looked_at(two: CompiledGraph) -> None:
    calls = [two.start([row(seed), row(seed + 1)]) for seed in range(6)]
    for seed, call in reversed(list(enumerate(calls))):
        for each, other in zip(call.outputs, expected(row(seed), row(seed + 1)), strict=True):
            np.testing.assert_allclose(each, other, rtol=1e-5, atol=1e-5)
    for call in calls:
        call.release()


def test_a_call_that_nobody_looks_at_is_waited_for(two: CompiledGraph) -> None:
    before = len(two._requests)
    call = two.start([row(1), row(2)])
    call.release()
    assert len(two._requests) == max(before, 1)
    two._requests[-1].wait()  # at once


def test_a_released_request_is_used_again() -> None:
    own = CompiledGraph(graph(), 1)
    counted = CountedRequests(own._compiled)
    own._compiled = counted  # type: ignore[assignment]
    for seed in range(5):
        own(row(seed), row(seed))
    calls = [own.run([row(seed), row(seed)]) for seed in range(3)]
    for call in calls:
        call.release()
    for seed in range(5):
        own(row(seed), row(seed))
    assert counted.made == 3


def test_inputs_that_do_not_fit_are_refused_and_cost_no_request() -> None:
    own = CompiledGraph(graph(), 1)
    counted = CountedRequests(own._compiled)
    own._compiled = counted  # type: ignore[assignment]
    for begin in (own.run, own.start, own.run):
        with pytest.raises(RuntimeError):
            begin([row(1, WIDTH + 1), row(2)])
    np.testing.assert_allclose(own(row(1), row(2))[0], row(1) + row(2), rtol=1e-6)
    assert counted.made == 1


def test_any_number_of_threads(two: CompiledGraph) -> None:
    alone = [two(row(seed), row(seed + 1)) for seed in range(24)]
    barrier = threading.Barrier(8)

    def work(worker: int) -> None:
        barrier.wait()
        for round_ in range(30):
            seed = (worker * 5 + round_) % 24
            for each, other in zip(two(row(seed), row(seed + 1)), alone[seed], strict=True):
                np.testing.assert_array_equal(each, other)

    with ThreadPoolExecutor(8) as workers:
        for done in [workers.submit(work, worker) for worker in range(8)]:
            done.result()


@pytest.mark.parametrize("optimise", ["latency", "throughput"])
def test_cores_precision_and_goal_are_as_told(optimise: Optimise) -> None:
    own = CompiledGraph(graph(), 2, optimise)._compiled
    assert own.get_property("INFERENCE_NUM_THREADS") == 2
    assert own.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32
    assert str(own.get_property("PERFORMANCE_HINT")) == optimise.upper()
    assert own.get_property("NUM_STREAMS") == (1 if optimise == "latency" else 2)


def test_the_graph_is_left_as_it_is() -> None:
    own = graph()
    before = [node.get_friendly_name() for node in own.get_ordered_ops()]
    CompiledGraph(own, 1)
    assert [node.get_friendly_name() for node in own.get_ordered_ops()] == before


def test_a_picture_of_any_size() -> None:
    taken = ops.parameter([1, -1, -1, 3], openvino.Type.f32)
    own = CompiledGraph(openvino.Model([ops.relu(taken)], [taken], "any"), 1)
    for height, width in ((2, 3), (5, 4), (2, 3)):
        picture = np.full((1, height, width, 3), -1, np.float32)
        picture[0, -1, -1] = 7
        (found,) = own(picture)
        np.testing.assert_array_equal(found, np.maximum(picture, 0))


def test_what_cannot_be_compiled_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def compile_model(self, *_: object) -> None:
            raise RuntimeError("no such operation")

    monkeypatch.setattr(compiled, "core", Broken)
    with pytest.raises(RuntimeError, match="no such operation"):
        CompiledGraph(graph(), 1)
