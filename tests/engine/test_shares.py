# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import openvino
from openvino import opset13 as ops

from engine.families import CHANNELS, CONTRACT, FIRST_MACS, LAYER_MACS, model
from trunkline.decoding import ClassificationDecoder
from trunkline.engine.modelset import ModelSet
from trunkline.engine.overview import overview
from trunkline.engine.shares import Share, shares
from trunkline.models import Model


def loaded(*models: Model) -> ModelSet:
    found = ModelSet()
    found.add(*models)
    return found


def test_packed_heads_on_one_trunk() -> None:
    made = [model("a", (1, 2)), model("b", (1, 2), labels=5, seed=1)]
    (trunk,) = overview(made).trunks
    found = shares(loaded(*made).plan)
    whole = FIRST_MACS + LAYER_MACS
    assert found == {
        "a": Share(trunk.id, 2, CHANNELS * 3, whole),
        "b": Share(trunk.id, 2, CHANNELS * 5, whole),
    }


def test_what_goes_on_behind_the_trunk_is_the_models_own() -> None:
    made = [model("a", (1, 2, 3)), model("b", (1, 2, 4)), model("c", (1, 2, 3, 5))]
    found = shares(loaded(*made).plan)
    assert len({each.trunk for each in found.values()}) == 1
    assert {each.sharing for each in found.values()} == {3}
    own = {name: each.macs - CHANNELS * 3 for name, each in found.items()}
    assert own == {"a": LAYER_MACS, "b": LAYER_MACS, "c": 2 * LAYER_MACS}
    assert {each.trunk_macs for each in found.values()} == {FIRST_MACS + LAYER_MACS}


def test_a_model_that_shares_nothing_is_its_own_trunk() -> None:
    found = shares(loaded(model("a", (1, 2)), model("b", (7, 8), end="mean")).plan)
    assert found["a"].trunk != found["b"].trunk
    assert [each.sharing for each in found.values()] == [1, 1]
    assert found["b"].macs == 0
    assert found["b"].trunk_macs > FIRST_MACS


def test_a_model_that_hands_out_the_picture_has_no_trunk() -> None:
    picture = ops.parameter([1, 32, 32, 3], openvino.Type.f32, name="picture")
    flat = ops.reshape(picture, np.array([1, -1]), special_zero=False)
    graph = openvino.Model([flat.output(0)], [picture], "nothing")
    labels = tuple(str(number) for number in range(32 * 32 * 3))
    decoder = ClassificationDecoder("multilabel")
    bare = Model("bare", labels, "multilabel", CONTRACT, graph, decoder, "made", "bare")
    (share,) = shares(loaded(bare).plan).values()
    assert (share.sharing, share.macs, share.trunk_macs) == (1, 0, 0)


def test_no_models_have_no_shares() -> None:
    assert shares(ModelSet().plan) == {}
