# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from trunkline.demo.fitting import Dense
from trunkline.demo.pictures import draw, random_scenes
from trunkline.demo.trunk import CONTRACT, build_trunk, with_head
from trunkline.engine.compiled import CompiledGraph
from trunkline.images import to_tensor


@pytest.fixture(scope="module")
def tensor() -> np.ndarray:
    return to_tensor(draw(random_scenes(1, 1)[0]), CONTRACT)


def test_the_trunk_is_the_same_every_time(tensor: np.ndarray) -> None:
    first, second = (CompiledGraph(build_trunk(), 1)(tensor)[0] for _ in range(2))
    assert first.shape == (1, 768)
    assert np.array_equal(first, second)
    assert np.isfinite(first).all()
    assert (first > 0).mean() > 0.3


def test_a_head_is_a_dense_layer_and_a_softmax(tensor: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    head = Dense(rng.normal(0, 0.1, (768, 4)).astype(np.float32), np.arange(4, dtype=np.float32))
    trunk = build_trunk()
    graph = with_head(trunk, head)
    (answer,) = CompiledGraph(graph, 1)(tensor)
    powers = np.exp(head(CompiledGraph(trunk, 1)(tensor)[0]).astype(np.float64))
    assert answer == pytest.approx(powers / powers.sum(), abs=1e-5)
    assert graph.outputs[0].get_names() == {"probabilities"}
    assert list(trunk.outputs[0].get_shape()) == [1, 768]
