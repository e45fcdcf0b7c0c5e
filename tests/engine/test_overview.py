# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.families import (
    CHANNELS,
    CONTRACT,
    FIRST_MACS,
    LAYER_BYTES,
    LAYER_MACS,
    SIDE,
    Files,
    model,
    network,
)
from trunkline.contracts import Preset
from trunkline.engine.measuring import Setting, measure_memory
from trunkline.engine.modelset import ModelSet
from trunkline.engine.overview import Overview, overview
from trunkline.engine.trunks import Network, User, find_trunks
from trunkline.exports.reading import read_models
from trunkline.graphs.merging import Tensor, outline
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.engine.trunks import Trunk

HEAD_MACS = CHANNELS * 3
HEAD_BYTES = 4 * (HEAD_MACS + 3)


def kinds(trunk: Trunk) -> dict[str, str]:
    return {head.model: head.kind for head in trunk.heads}


def macs_of(found: Overview) -> int:
    return sum(trunk.whole_cost.macs for trunk in found.trunks)


def test_packed_heads_hang_on_one_trunk() -> None:
    found = overview([model("a", (1, 2)), model("b", (1, 2), labels=5, seed=1)])
    (trunk,) = found.trunks
    assert kinds(trunk) == {"a": "packed", "b": "packed"}
    assert [head.labels for head in trunk.heads] == [3, 5]
    assert trunk.cost.macs == FIRST_MACS + LAYER_MACS
    # Constants that say how to move axes are counted too, and are a few bytes.
    first = 4 * (27 * CHANNELS + CHANNELS)
    assert 0 <= trunk.cost.weight_bytes - (first + LAYER_BYTES) < 100
    assert (trunk.heads[0].cost.macs, trunk.heads[0].cost.weight_bytes) == (HEAD_MACS, HEAD_BYTES)
    assert found.models == 2
    assert found.shared.macs == FIRST_MACS + LAYER_MACS + CHANNELS * (3 + 5)
    assert found.apart.macs == found.shared.macs + trunk.cost.macs
    assert found.apart.weight_bytes - found.shared.weight_bytes == pytest.approx(
        trunk.cost.weight_bytes, abs=100
    )
    assert found.apart.memory_bytes > found.shared.memory_bytes
    assert not found.differences
    assert not found.failures


def test_an_id_begins_the_identity_of_the_features() -> None:
    models = [model("a", (1, 2)), model("b", (1, 2), seed=1)]
    (trunk,) = overview(models).trunks
    loaded = ModelSet()
    loaded.add(*models)
    (pack,) = loaded.plan.packs
    assert pack.features.identity.hex().startswith(trunk.id)
    assert len(trunk.id) == 8


def test_models_that_share_nothing_are_trunks_of_their_own() -> None:
    found = overview([model("a", (1, 2)), model("b", (3, 4), "mean")])
    assert [kinds(trunk) for trunk in found.trunks] == [{"a": "packed"}, {"b": "none"}]
    assert found.shared.macs == found.apart.macs
    assert found.shared.weight_bytes == found.apart.weight_bytes
    assert found.shared.memory_bytes == pytest.approx(found.apart.memory_bytes, rel=0.01)


def test_heads_that_cannot_be_packed_are_compiled() -> None:
    found = overview([model("a", (1, 2), "mean"), model("b", (1, 2), "mean", seed=1)])
    (trunk,) = found.trunks
    assert kinds(trunk) == {"a": "compiled", "b": "compiled"}
    own = SIDE * SIDE * 9 * CHANNELS * 3
    assert [head.cost.macs for head in trunk.heads] == [own, own]
    assert trunk.cost.macs == FIRST_MACS + LAYER_MACS


def test_a_dense_layer_behind_layers_of_its_own_belongs_to_the_compiled_head() -> None:
    found = overview([model("a", (1, 2, 3)), model("b", (1, 2, 4))])
    (trunk,) = found.trunks
    assert kinds(trunk) == {"a": "compiled", "b": "compiled"}
    assert trunk.heads[0].cost.macs == LAYER_MACS + HEAD_MACS


def test_twins_have_nothing_of_their_own() -> None:
    found = overview([model("a", (1, 2), "mean"), model("b", (1, 2), "mean")])
    (trunk,) = found.trunks
    assert kinds(trunk) == {"a": "none", "b": "none"}
    assert trunk.heads[0].cost.macs == 0
    assert found.apart.macs == 2 * found.shared.macs


def test_a_trunk_may_branch() -> None:
    found = overview(
        [
            model("a", (1, 2, 3, 4), "mean"),
            model("b", (1, 2, 3, 5), "mean"),
            model("c", (1, 2), "mean"),
            model("d", (7, 8)),
        ]
    )
    stem, branch, other = found.trunks
    assert kinds(stem) == {"c": "compiled"}
    assert (branch.after, kinds(branch)) == ((stem.id,), {"a": "compiled", "b": "compiled"})
    assert branch.cost.macs == LAYER_MACS
    assert (stem.after, other.after, kinds(other)) == ((), (), {"d": "packed"})


def test_trunks_of_most_models_come_first() -> None:
    found = overview([model("a", (1, 2)), *(model(f"b{i}", (3, 4), seed=i) for i in range(3))])
    assert [len(trunk.heads) for trunk in found.trunks] == [3, 1]


def test_a_model_that_cannot_be_is_left_out_and_told() -> None:
    odd = replace(model("odd", (1, 2)), contract=replace(CONTRACT, height=0))
    used = replace(model("used", (1, 2)), graph=None)
    found = overview([odd, model("a", (1, 2)), used])
    assert found.models == 1
    assert [failure.source for failure in found.failures] == ["odd", "used"]


def test_nothing_is_an_overview_too() -> None:
    found = overview([])
    assert (found.models, found.trunks, found.shared.macs) == (0, (), 0)


def test_a_network_that_hands_out_its_picture_hangs_on_nothing() -> None:
    seen = outline(network((1,)), CONTRACT)
    ((identity, step),) = ((i, s) for i, s in seen.steps.items() if s.kind == "Parameter")
    picture = (Tensor(identity, 0),)
    bare = replace(seen, steps={identity: step}, outputs=picture, head=None, features=None)
    assert find_trunks({picture: Network(bare, [User("bare", 3, None)])}) == []


def test_an_open_size_counts_as_the_contracts() -> None:
    """Compact detectors take any size; 2.67 G is what the literature counts at 416 x 416."""
    graph = network((1, 2))
    graph.reshape([1, -1, -1, 3])
    contract = replace(CONTRACT, preset=Preset.DETECTOR_COMPACT, height=2 * SIDE, width=2 * SIDE)
    found = overview([replace(model("open", (1, 2)), graph=graph, contract=contract)])
    assert found.trunks[0].cost.macs == 4 * (FIRST_MACS + LAYER_MACS)
    fixed = overview([model("fixed", (1, 2))])
    assert found.trunks[0].cost.memory_bytes > fixed.trunks[0].cost.memory_bytes + 3 * SIDE**2 * 64


@settings(deadline=None, max_examples=12)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 2), min_size=1, max_size=3),
            st.sampled_from(["dense", "mean"]),
            st.integers(0, 1),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_model_hangs_once_and_the_sums_are_right(
    chosen: list[tuple[list[int], str, int]],
) -> None:
    models = [
        model(str(number), layers, end, seed=seed)  # type: ignore[arg-type]
        for number, (layers, end, seed) in enumerate(chosen)
    ]
    found = overview(models)
    hanging = [head.model for trunk in found.trunks for head in trunk.heads]
    assert sorted(hanging) == sorted(each.name for each in models)
    assert found.shared.macs == macs_of(found)
    assert found.shared.macs <= found.apart.macs
    alone = [overview([each]) for each in models]
    assert found.apart.macs == sum(each.shared.macs for each in alone)
    assert found.apart.weight_bytes == sum(each.shared.weight_bytes for each in alone)
    before: set[str] = set()
    for trunk in found.trunks:
        assert before.issuperset(trunk.after)
        before.add(trunk.id)


@pytest.fixture(scope="module")
def real(shared: Path) -> Overview:
    found = read_models(shared / "models")
    return overview(each for each in found if isinstance(each, Model))


def test_the_real_exports_hang_on_seven_trunks(real: Overview) -> None:
    assert real.models == 27
    largest, second, *others = real.trunks
    assert len(largest.heads) == 17
    # Those that subtract the mean outside have no normalisation inside, and so no epsilon.
    assert set(kinds(second)) == {
        "cat-dog-onnx-opset7",
        "desk-onnx-opset7",
        "fruit-7-coreml",
        "fruit-7-no-mean",
        "fruit-7-tflite",
    }
    assert sorted(name for trunk in others for name in kinds(trunk)) == [
        "apple-orange-container-2025",
        "food-onnx-opset1",
        "landmarks-other-trunk",
        "landmarks-third-trunk",
        "meter-container-2025",
    ]
    assert {kind for trunk in real.trunks for kind in kinds(trunk).values()} == {"packed"}
    # 287 M and 144 M are what the literature counts for these two networks.
    assert round(largest.cost.macs / 1e6) == 287
    assert real.shared.macs == pytest.approx(5 * 287.4e6 + 2 * 143.9e6, rel=1e-3)
    assert real.apart.macs == pytest.approx(25 * 287.4e6 + 2 * 143.9e6, rel=1e-3)


def test_what_is_foretold_of_memory_is_about_what_is_measured(shared: Path) -> None:
    names = ("bananas", "bears", "desk-pb", "fruit-2", "fruit-4", "sign-14", "soda-softmax")
    files = Files(tuple(shared / "models" / name for name in names))
    foretold = overview(files.read())
    frame = np.zeros((240, 320, 3), np.uint8)
    together = measure_memory(Setting("together"), files, frame)
    apart = measure_memory(Setting("apart", shared=False), files, frame)
    assert together
    assert apart
    assert 0.7 < foretold.shared.memory_bytes / together < 1.3
    assert 0.7 < foretold.apart.memory_bytes / apart < 1.3
    saved = foretold.apart.memory_bytes - foretold.shared.memory_bytes
    assert 0.5 < saved / (apart - together) < 1.6
