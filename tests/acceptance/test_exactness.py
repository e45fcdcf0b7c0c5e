# SPDX-License-Identifier: Apache-2.0
"""All real exports as one set: each answers as it does alone, on the trunks that they really have."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

import trunkline
from trunkline.exports.messages import GraphDef
from trunkline.images import read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline import ModelSet
    from trunkline.engine.answers import Answers

PICTURES = 172
PACKED_TOLERANCE = 1e-6
# How many models are asked alone about each picture; the set is asked about all of them.
WITNESSES = 3

TRUNKS = {
    # The weights are the same in the first two. The older graphs leave the mean to who feeds
    # them; the newer ones normalise, with an epsilon that rounds differently.
    "the mean in the graph": {
        "bananas", "bear-1-label", "bears", "cat-dog-onnx-opset1", "desk-earlier-coreml",
        "desk-earlier-onnx-opset1", "desk-earlier-pb", "desk-pb", "fruit-2", "fruit-4",
        "hotdog-container", "lane-explicit-pad", "plankton-4-onnx-opset1",
        "plankton-5-onnx-opset1", "rock-paper-scissors", "sign-14", "soda-softmax",
    },
    "the mean before the graph": {
        "cat-dog-onnx-opset7", "desk-onnx-opset7", "fruit-7-coreml", "fruit-7-no-mean",
        "fruit-7-tflite",
    },
    "food": {"food-onnx-opset1"},
    "landmarks": {"landmarks-other-trunk"},
    "landmarks with a scale": {"landmarks-third-trunk"},
    "apple": {"apple-orange-container-2025"},
    "meter": {"meter-container-2025"},
}  # fmt: skip


@pytest.fixture(scope="module")
def together(shared: Path) -> ModelSet:
    models = trunkline.load(shared / "models", on_error="skip")
    # Three real topologies came without their weights.
    assert all("weights.bin" in str(failure) for failure in models.failures)
    assert len(models.failures) == 3
    return models


@pytest.fixture(scope="module")
def pictures(shared: Path) -> list[np.ndarray]:
    files = (path for path in (shared / "pictures").rglob("*") if path.is_file())
    return [read_picture(path) for path in sorted(files) if path.suffix.lower() in {".jpg", ".png"}]


@pytest.fixture(scope="module")
def answers(together: ModelSet, pictures: list[np.ndarray]) -> list[Answers]:
    return [together.predict(picture) for picture in pictures]


def trunks(models: ModelSet) -> list[set[str]]:
    """Return the models of each compiled part."""
    by_tensor = {tensor: part for part in models.plan.parts for tensor in part.segment.gives}
    found: dict[int, set[str]] = {id(part): set() for part in models.plan.parts}
    for name, entry in models.plan.entries.items():
        for tensor in entry.needs:
            found[id(by_tensor[tensor])].add(name)
    return list(found.values())


def test_trunks_are_those_of_the_facts(together: ModelSet) -> None:
    assert len(together.plan.parts) == len(TRUNKS) == 7
    assert sorted(map(sorted, trunks(together))) == sorted(map(sorted, TRUNKS.values()))
    assert all(entry.pack for entry in together.plan.entries.values())
    assert len(together.plan.inputs) == 2


def test_every_picture_is_there(pictures: list[np.ndarray]) -> None:
    assert len(pictures) == PICTURES


@pytest.mark.parametrize("name", sorted(set().union(*TRUNKS.values())))
def test_a_model_answers_as_alone(
    shared: Path, pictures: list[np.ndarray], answers: list[Answers], name: str
) -> None:
    names = sorted(answers[0])
    alone = trunkline.load(shared / "models" / name)
    first = names.index(name)
    step = -(-len(names) // WITNESSES)
    own = range(first % step, len(pictures), step)
    assert len(own) >= len(pictures) // step
    for index in own:
        expected, found = alone.predict(pictures[index])[name], answers[index][name]
        assert found.labels == expected.labels
        np.testing.assert_allclose(
            found.probabilities, expected.probabilities, rtol=0, atol=PACKED_TOLERANCE
        )


def test_every_picture_has_its_witnesses(answers: list[Answers]) -> None:
    """The models of the test above are spread so that each picture is asked of three."""
    names = sorted(answers[0])
    step = -(-len(names) // WITNESSES)
    asked = [index for first in range(len(names)) for index in range(first % step, PICTURES, step)]
    assert min(np.bincount(asked)) == WITNESSES


def test_models_that_come_and_go_leave_the_others_answers_alone(
    shared: Path, pictures: list[np.ndarray], answers: list[Answers]
) -> None:
    names = sorted(answers[0])
    order = random.Random(5)
    models = trunkline.load(*(shared / "models" / name for name in order.sample(names, 9)))
    for index in range(0, PICTURES, PICTURES // 5):
        models.remove(*order.sample(list(models), 4))
        missing = [name for name in names if name not in models]
        models.add(*(shared / "models" / name for name in order.sample(missing, 4)))
        for name, found in models.predict(pictures[index]).items():
            np.testing.assert_allclose(
                found.probabilities,
                answers[index][name].probabilities,
                rtol=0,
                atol=PACKED_TOLERANCE,
            )


def test_one_bit_of_one_weight_is_another_trunk(
    shared: Path, tmp_path: Path, pictures: list[np.ndarray], answers: list[Answers]
) -> None:
    flipped = tmp_path / "flipped"
    flipped.mkdir()
    graph = GraphDef()
    graph.ParseFromString((shared / "models" / "fruit-4" / "model.pb").read_bytes())
    weights = max(
        (n.attr["value"].tensor for n in graph.node if n.op == "Const"),
        key=lambda tensor: len(tensor.tensor_content),
    )
    content = bytearray(weights.tensor_content)
    content[len(content) // 2 // 4 * 4] ^= 1  # the last bit of a float32
    weights.tensor_content = bytes(content)
    (flipped / "model.pb").write_bytes(graph.SerializeToString())
    labels = (shared / "models" / "fruit-4" / "labels.txt").read_bytes()
    (flipped / "labels.txt").write_bytes(labels)
    models = trunkline.load(shared / "models" / "fruit-2", shared / "models" / "fruit-4", flipped)
    assert sorted(map(sorted, trunks(models))) == [["flipped"], ["fruit-2", "fruit-4"]]
    found = models.predict(pictures[0])
    np.testing.assert_allclose(
        found["fruit-4"].probabilities,
        answers[0]["fruit-4"].probabilities,
        rtol=0,
        atol=PACKED_TOLERANCE,
    )
    np.testing.assert_allclose(
        found["flipped"].probabilities, found["fruit-4"].probabilities, rtol=0, atol=1e-4
    )
