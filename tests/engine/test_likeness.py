# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.families import CONTRACT, network
from trunkline.engine.likeness import Difference, differences
from trunkline.engine.overview import overview
from trunkline.exports.reading import read_models
from trunkline.graphs.merging import Outline, outline
from trunkline.models import Model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def seen(layers: Sequence[int], **changes: object) -> Outline:
    return outline(network(layers), replace(CONTRACT, **changes))


def compared(**outlines: Outline) -> list[Difference]:
    return list(differences(list(outlines.items())))


def test_the_first_operation_in_which_trunks_differ_is_told() -> None:
    (found,) = compared(a=seen((1, 2, 3)), b=seen((1, 5, 3)))
    assert (found.trunk, found.other) == ("b", "a")
    assert found.where.startswith("Convolution: weights (16, 16, 3, 3) differ in ")


def test_another_input_contract_is_told() -> None:
    (found,) = compared(a=seen((1, 2)), b=seen((1, 2), order="RGB"))
    assert found.where == "the input contract: order RGB against BGR"


def test_each_trunk_is_compared_once_with_the_one_it_is_most_like() -> None:
    long = tuple(range(20))
    found = compared(
        a=seen((*long, 90)),
        b=seen((1,)),
        c=seen((5,)),
        d=seen((*long, 91)),
        e=seen((*long, 92, 93)),
        f=seen((*long, 94, 95)),
    )
    pairs = [(each.trunk, each.other) for each in found]
    assert pairs == [("c", "b"), ("d", "a"), ("e", "a"), ("f", "e")]


def test_unlike_trunks_and_other_sizes_are_not_compared() -> None:
    small = outline(network((1, 2), side=16), replace(CONTRACT, height=16, width=16))
    assert not compared(a=seen((1, 2)), b=seen((1, 2, 3)), c=small)
    assert not compared()
    assert not compared(a=seen((1, 2)), b=seen((1, 2)))


def test_the_epsilon_that_parts_real_exports_is_named(shared: Path) -> None:
    folders = ("bananas", "cat-dog-onnx-opset7", "landmarks-other-trunk")
    read = [each for name in folders for each in read_models(shared / "models" / name)]
    found = overview(each for each in read if isinstance(each, Model))
    names = {trunk.id: trunk.heads[0].model for trunk in found.trunks}
    epsilon, weights = found.differences
    # Only the first divides by the root of one and an epsilon; OpenVINO makes a factor of it.
    assert (names[epsilon.trunk], names[epsilon.other]) == ("cat-dog-onnx-opset7", "bananas")
    assert epsilon.where == "none against Multiply"
    # The third subtracts the mean as the second does, and its first layer is another.
    assert names[weights.other] == "cat-dog-onnx-opset7"
    assert weights.where.startswith("Convolution: weights (64, 3, 3, 3) differ in 1728 of 1728")
