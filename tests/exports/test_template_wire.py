# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.exports.messages import CoreMLModel, GraphDef
from trunkline.exports.template_wire import cut

LARGE = b"\1" * 5000


def graph(*sizes: int) -> GraphDef:
    made = GraphDef()
    for index, size in enumerate(sizes):
        tensor = made.node.add(name=f"node {index}", op="Const").attr["value"].tensor
        tensor.tensor_content = b"\1" * size
    made.versions.producer = 5
    return made


@given(st.lists(st.sampled_from([0, 10, 4000, 5000, 20000]), max_size=8))
def test_nothing_is_lost(sizes: list[int]) -> None:
    data = graph(*sizes).SerializeToString(deterministic=True)
    found = cut(data, None, [])
    assert found.outer == b""
    where, *large = found.large
    assert len(large) == sum(size > 4096 for size in sizes)
    fields = [GraphDef.FromString(piece).node[0] for piece in large]
    kept = list(GraphDef.FromString(found.inner).node)
    for place, node in zip(eval(where), fields, strict=True):
        kept.insert(place, node)
    assert [node.name for node in kept] == [f"node {index}" for index in range(len(sizes))]
    assert len(found.inner) + sum(map(len, large)) == len(data)


def test_what_is_named_stays() -> None:
    data = graph(5000, 5000, 5000).SerializeToString(deterministic=True)
    found = cut(data, None, ["node 1"])
    assert [node.name for node in GraphDef.FromString(found.inner).node] == ["node 1"]


def test_a_message_inside_another_is_cut_out() -> None:
    model = CoreMLModel(specificationVersion=3)
    layer = model.neuralNetworkClassifier.layers.add(name="fc")
    layer.innerProduct.weights.float16Value = LARGE
    model.neuralNetworkClassifier.labelProbabilityLayerName = "loss"
    found = cut(model.SerializeToString(), 403, [])
    assert CoreMLModel.FromString(found.outer) == CoreMLModel(specificationVersion=3)
    assert len(found.large) == 2
    assert b"loss" in found.inner


def test_all_ways_to_write_a_field_are_passed_over() -> None:
    numbers = b"\x08\xff\x01" + b"\x11" + bytes(8) + b"\x1d" + bytes(4)
    assert cut(numbers, None, []).inner == numbers


@pytest.mark.parametrize(
    ("data", "inside"),
    [
        (b"", 7),
        (b"\x3a\x00\x3a\x00", 7),
        (b"\x38\x01", 7),
        (b"\x0a\x05abc", None),
        (b"\x0b", None),
        (b"\x0d\x00", None),
        (b"\x08" + b"\x80" * 11 + b"\x01", None),
    ],
    ids=["missing", "twice", "a number", "cut short", "a group", "four bytes", "endless"],
)
def test_what_is_damaged_is_not_cut(data: bytes, inside: int | None) -> None:
    with pytest.raises(ValueError, match=r"^(not one|a (field|wire|number))"):
        cut(data, inside, [])


def test_a_number_without_an_end_is_not_read() -> None:
    with pytest.raises(IndexError):
        cut(b"\x08\x80", None, [])
