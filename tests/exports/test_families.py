# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from exports.graphs import taking
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
    family = recognise(task, taking(side), names, outputs, ModelFormat.TENSORFLOW)
    assert word in family.description


def test_the_format_changes_nothing_about_what_the_service_did_not_write() -> None:
    for model_format in ModelFormat:
        assert recognise("multiclass", taking(32), {"x"}, 1, model_format) == UNKNOWN


@pytest.mark.parametrize(
    ("layout", "order", "maximum"), [("NCHW", "RGB", 1.0), ("NHWC", "BGR", 255.0)]
)
def test_the_layout_tells_openvino_exports_from_converted_ones(layout, order, maximum) -> None:
    family = recognise("detection", taking(416, layout), {"model_outputs"}, 1, ModelFormat.OPENVINO)
    assert (family.order, family.maximum) == (order, maximum)
