# SPDX-License-Identifier: Apache-2.0
"""Constants that graphs have in common are one piece of memory, and values stay what they are."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from trunkline.contracts import InputContract, Preset
from trunkline.engine.weights import Weights, hold_once
from trunkline.graphs.identity import identify

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW = np.arange(4, dtype=np.float32)[np.newaxis]


def graph(*constants: np.ndarray) -> openvino.Model:
    """The sum of a row and of constants."""
    taken = ops.parameter([1, 4], openvino.Type.f32)
    port = taken.output(0)
    for each in constants:
        summand = ops.constant(each) if each.dtype == np.float32 else _widened(each)
        port = ops.add(port, summand).output(0)
    return openvino.Model([port], [taken], "sum")


def _widened(values: np.ndarray) -> openvino.Node:
    return ops.convert(ops.constant(values), "f32")


def hold(model: openvino.Model, held: Sequence[Weights]) -> Weights:
    """Hold a graph's constants once, told by the identities that it has as a network."""
    return hold_once(model, held, identify(model, InputContract(1, 4, Preset.SAMPLE_STRETCH)))


def places(model: openvino.Model) -> list[int]:
    """Return where the constants lie, in the order of use."""
    constants = [n for n in model.get_ordered_ops() if n.get_type_name() == "Constant"]
    return [each.data.__array_interface__["data"][0] for each in constants]


def answer(model: openvino.Model) -> np.ndarray:
    return openvino.Core().compile_model(model, "CPU")(ROW)[0]


def values(seed: int, dtype: type = np.float32, shape: tuple[int, ...] = (1, 4)) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 9, shape).astype(dtype)


def test_equal_constants_are_held_once() -> None:
    first, second = graph(values(1), values(2)), graph(values(1), values(3))
    before = answer(second)
    held = hold(first, [])
    own = hold(second, [held])
    assert len(held) == len(own) == 2
    assert len(set(places(first)) & set(places(second))) == 1
    np.testing.assert_array_equal(answer(second), before)


def test_equal_constants_of_one_graph_are_held_once() -> None:
    model = graph(values(1), values(1), values(2))
    before = answer(model)
    assert len(set(places(model))) == 3
    assert len(hold(model, [])) == 2
    assert len(set(places(model))) == 2
    np.testing.assert_array_equal(answer(model), before)


@pytest.mark.parametrize(
    "other",
    [
        values(1, np.float64),
        values(1, np.int32),
        values(1, np.float32, (4,)),
        values(1) + np.float32(2**-20),
    ],
    ids=["type", "integers", "shape", "value"],
)
def test_what_is_not_the_same_is_not_shared(other: np.ndarray) -> None:
    if other.shape == (4,):
        other[:] = values(1)[0]
    first, second = graph(values(1)), graph(other)
    before = answer(second)
    held: Weights = hold(first, [])
    hold(second, [held])
    assert not set(places(first)) & set(places(second))
    np.testing.assert_array_equal(answer(second), before)


def test_minus_zero_is_not_zero() -> None:
    zero, minus = graph(np.zeros((1, 4), np.float32)), graph(-np.zeros((1, 4), np.float32))
    hold(minus, [hold(zero, [])])
    assert places(zero) != places(minus)


def test_it_outlives_the_graph_it_came_from() -> None:
    first, second = graph(values(1)), graph(values(1))
    before = answer(second)
    hold(second, [hold(first, [])])
    del first
    gc.collect()
    np.testing.assert_array_equal(answer(second), before)
    np.testing.assert_array_equal(answer(second.clone()), before)


def test_a_graph_can_be_held_against_many() -> None:
    many = [graph(values(seed), values(seed + 1)) for seed in range(5)]
    held: list[Weights] = []
    for model in many:
        held.append(hold(model, held))
    assert len({place for model in many for place in places(model)}) == 6
    for seed, model in enumerate(many):
        np.testing.assert_array_equal(answer(model), ROW + values(seed) + values(seed + 1))


def test_integers_of_two_types_are_two_constants() -> None:
    first, second = graph(values(1, np.int32)), graph(values(1, np.int64))
    before = answer(second)
    assert len({*hold(first, []), *hold(second, [hold(first, [])])}) == 2
    np.testing.assert_array_equal(answer(second), before)
