# SPDX-License-Identifier: Apache-2.0
"""What must be shared is, and what must not is not: the real exports, and one flipped bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import trunkline
from trunkline.exports.reading import read_models, read_one
from trunkline.graphs.comparing import first_difference
from trunkline.graphs.merging import outline
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

# By the trunk that shared/models/README.md names, and what the graph does to its input first.
GROUPS = {
    "A, epsilon 1e-5": {
        "bananas", "bear-1-label", "bears", "cat-dog-onnx-opset1", "desk-earlier-coreml",
        "desk-earlier-onnx-opset1", "desk-earlier-pb", "desk-pb", "fruit-2", "fruit-4",
        "hotdog-container", "lane-explicit-pad", "plankton-4-onnx-opset1",
        "plankton-5-onnx-opset1", "rock-paper-scissors", "sign-14", "soda-softmax",
    },
    "A, exact mean": {
        "cat-dog-onnx-opset7", "desk-onnx-opset7", "fruit-7-coreml", "fruit-7-no-mean",
        "fruit-7-tflite",
    },
    "B": {"food-onnx-opset1"},
    "C": {"landmarks-other-trunk"},
    "D": {"landmarks-third-trunk"},
    "apple-orange": {"apple-orange-container-2025"},
    "meter": {"meter-container-2025"},
}  # fmt: skip


@pytest.fixture(scope="module")
def everything(shared: Path) -> trunkline.ModelSet:
    """All real exports that have weights, as one set."""
    return trunkline.load(shared / "models", on_error="skip")


def test_every_trunk_is_compiled_once(everything: trunkline.ModelSet) -> None:
    by_trunk: dict[object, set[str]] = {}
    for name, entry in everything.plan.entries.items():
        by_trunk.setdefault(entry.needs, set()).add(name)
    assert sorted(map(sorted, by_trunk.values())) == sorted(map(sorted, GROUPS.values()))
    assert len(everything.plan.parts) == len(GROUPS)


def test_all_heads_are_packed(everything: trunkline.ModelSet) -> None:
    assert all(entry.pack for entry in everything.plan.entries.values())


def test_exports_without_weights_are_named_and_the_others_serve(
    everything: trunkline.ModelSet,
) -> None:
    assert len(everything.failures) == 3
    assert all("weights" in str(failure) for failure in everything.failures)


def flipped(shared: Path, folder: Path) -> Path:
    """Write fruit-2 with the lowest bit of one weight of its last convolution flipped."""
    original = read_one(shared / "models" / "fruit-2", "fruit-2")
    assert isinstance(original, Model)
    data = bytearray((shared / "models" / "fruit-2" / "model.pb").read_bytes())
    convolutions = [
        n for n in original.graph.get_ordered_ops() if n.get_type_name() == "Convolution"
    ]
    weights = convolutions[-1].input_value(1).get_node().get_data()
    stored = np.ascontiguousarray(weights.transpose(2, 3, 1, 0)).tobytes()
    at = bytes(data).index(stored)
    data[at] ^= 1
    folder.mkdir()
    (folder / "model.pb").write_bytes(data)
    (folder / "labels.txt").write_text("Apple\nBanana\n", "utf-8")
    return folder


def test_one_flipped_bit_is_not_shared(shared: Path, tmp_path: Path) -> None:
    models = trunkline.load(shared / "models" / "fruit-2")
    assert len(models.plan.parts) == 1
    models.add(flipped(shared, tmp_path / "flipped"))
    assert len({entry.needs for entry in models.plan.entries.values()}) == 2
    # What comes before the flipped bit is shared all the same.
    assert max(len(part.segment.users) for part in models.plan.parts) == 2


def test_inspect_can_say_where_two_trunks_part(shared: Path, tmp_path: Path) -> None:
    paths = [shared / "models" / "fruit-2", flipped(shared, tmp_path / "flipped")]
    found = []
    for path in paths:
        model = next(read_models(path))
        assert isinstance(model, Model)
        found.append(outline(model.graph, model.contract))
    difference = first_difference(*found)
    assert difference is not None
    assert "Convolution" in str(difference)
    assert first_difference(found[0], found[0]) is None
