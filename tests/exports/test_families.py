# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from trunkline.exports.families import UNKNOWN, recognise
from trunkline.exports.package import ModelFormat


@pytest.mark.parametrize(
    ("task", "side", "names", "outputs", "word"),
    [
        ("multilabel", 227, {"Placeholder", "loss"}, 1, "SqueezeNet"),
        ("multiclass", 224, {"Placeholder", "model_outputs"}, 1, "ShuffleNetV2"),
        ("multiclass", 300, {"data", "model_output"}, 1, "S1 classifier"),
        ("detection", 416, {"Placeholder", "model_outputs"}, 1, "Tiny YOLOv2"),
        ("detection", 320, {"image_tensor", "detected_boxes"}, 3, "S1 detector"),
        ("detection", 640, {"images"}, 3, "no known kind"),
        ("multiclass", 32, {"x"}, 1, "no known kind"),
    ],
)
def test_each_network_of_the_service_is_told_by_its_form(task, side, names, outputs, word) -> None:
    assert word in recognise(task, side, names, outputs, ModelFormat.TENSORFLOW).description


def test_the_format_changes_nothing_about_what_the_service_did_not_write() -> None:
    for model_format in ModelFormat:
        assert recognise("multiclass", 32, {"x"}, 1, model_format) == UNKNOWN
