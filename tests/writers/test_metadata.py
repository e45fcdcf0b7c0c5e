# SPDX-License-Identifier: Apache-2.0
"""Labels, metadata and ``model.toml``: what is written is what is read."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trunkline.contracts import InputContract, Preset
from trunkline.decoding import (
    BoxesDecoder,
    ClassificationDecoder,
    YoloGridDecoder,
    YoloRowsDecoder,
)
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import labels as label_files
from trunkline.exports.settings import parse
from trunkline.writers.metadata import label_text, metadata_properties, settings
from writers.classifiers import mobile

MODEL = mobile()


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
@example(["\ufeffapple"])
@example(["\ud800"])
@example(["a", "b\u2028c", "tab\there"])
@example(["a\r\nb"])
def test_labels_are_read_back_or_refused(labels: list[str]) -> None:
    told = [each.encode("utf-8", "surrogatepass") for each in labels]
    odd = [each != each.strip() or label_files.fault(each) for each in labels]
    if any(odd) or labels[0][0] == "\ufeff" or any(_HALF_PAIR.search(each) for each in told):
        with pytest.raises(ExportError, match="rename it"):
            label_text(labels, "it")
    else:
        assert label_files.parse(label_text(labels, "it"), "it") == tuple(labels)


_HALF_PAIR = re.compile(b"\xed[\xa0-\xbf]")  # what the UTF-8 of a surrogate would begin with


@pytest.mark.parametrize("label", ["", " ", "a\nb", "a\rb", "a\x00", " a", "a ", "\x85"])
def test_labels_that_a_line_cannot_hold_are_refused_by_number(label: str) -> None:
    with pytest.raises(ExportError, match=r"label 2, .*; rename it before exporting"):
        label_text(["fine", label], "it")


numbers = st.floats(-999, 999, width=32)
contracts = st.builds(
    InputContract,
    height=st.integers(1, 8192),
    width=st.integers(1, 8192),
    preset=st.sampled_from(Preset),
    order=st.sampled_from(["RGB", "BGR"]),
    layout=st.sampled_from(["NHWC", "NCHW"]),
    maximum=st.sampled_from([255.0, 1.0]),
    mean=st.tuples(numbers, numbers, numbers),
    std=st.tuples(*[st.floats(0.01, 100)] * 3),
)


@given(contract=contracts, name=st.sampled_from([None, 'quo"ted \\ name', "ünï😀"]))
def test_settings_say_the_whole_contract(contract: InputContract, name: str | None) -> None:
    told = parse(settings(MODEL, contract, name).encode(), "model.toml")
    taken = told.input
    assert (told.name, told.task) == (name, "multiclass")
    assert InputContract(
        taken.height, taken.width, taken.resize, taken.order, taken.layout, "float32",
        taken.maximum, taken.mean, taken.std,
    ) == contract  # fmt: skip


DECODERS = {
    "probabilities": ClassificationDecoder("multilabel"),
    "logits": ClassificationDecoder("multilabel", "sigmoid"),
    "boxes": BoxesDecoder("yxyx", 1, 0.3, 7),
    "yolo-grid": YoloGridDecoder(((1.5, 2.25), (3.0, 4.0)), "NHWC", 0.2, 0.4, 9),
    "yolo-rows": YoloRowsDecoder(True, (640, 640), False, 0.3, 0.6, 11),
}


@pytest.mark.parametrize("decode", DECODERS)
def test_settings_say_the_decoder(decode: str) -> None:
    decoder = DECODERS[decode]
    task = "multilabel" if isinstance(decoder, ClassificationDecoder) else "detection"
    model = replace(MODEL, task=task, decoder=decoder)
    told = parse(settings(model, MODEL.contract).encode(), "model.toml").output
    assert told.decode == decode
    for key in ("corners", "first_class", "threshold", "limit", "iou", "anchors", "objectness"):
        if hasattr(decoder, key):
            assert getattr(told, key) == getattr(decoder, key)


@pytest.mark.parametrize(
    "decoder", [BoxesDecoder(scale=(300, 300)), YoloGridDecoder(layout="NCHW"), lambda *_: None]
)
def test_a_decoder_that_settings_cannot_say_is_refused(decoder) -> None:
    model = replace(MODEL, task="detection", decoder=decoder)
    with pytest.raises(UnsupportedExportError, match=r"that model\.toml cannot say"):
        settings(model, MODEL.contract)


def properties(preset: Preset, **changes) -> dict[str, str]:
    contract = replace(MODEL.contract, preset=preset, height=224, width=224)
    found = metadata_properties(replace(MODEL, **changes), contract)
    return {key.rpartition(".")[2]: value for key, value in found.items()}


def test_metadata_is_true() -> None:
    told = properties(Preset.CONTAINER_2024)
    assert (told["BitmapPixelFormat"], told["NominalPixelRange"]) == ("Bgr8", "NominalRange_0_255")
    assert (told["ResizeMethod"], told["CropMethod"]) == ("ByShorterSide", "OneCropCenter")
    assert told["TargetWidth"] == told["CropHeight"] == "224"
    assert told["Method"] == "ClassificationMultiClass"
    assert told["NormalizeMean"] == "[0.0, 0.0, 0.0]"
    old = properties(Preset.CONTAINER_2018, task="multilabel")
    assert (old["MaxDimension"], old["TargetWidth"], old["CropWidth"]) == ("1600", "256", "224")
    assert old["Method"] == "ClassificationMultiLabel"
    stretched = properties(Preset.SAMPLE_STRETCH)
    assert (stretched["ResizeMethod"], stretched["CropMethod"]) == ("Stretch", "NoCrop")
    assert stretched["CropWidth"] == "0"


def test_metadata_of_detectors() -> None:
    grid = properties(Preset.DETECTOR_COMPACT, task="detection", decoder=YoloGridDecoder())
    assert (grid["Method"], grid["ResizeMethod"]) == ("Yolo", "ByPixelCountAlign32")
    assert json.loads(grid["Biases"])[:2] == [0.57273, 0.677385]
    assert grid["NmsThreshold"] == "0.45"
    boxes = properties(Preset.DETECTOR_S1, task="detection", decoder=BoxesDecoder())
    assert (boxes["Method"], boxes["Biases"]) == ("SSD", "[]")


def test_metadata_of_rgb_from_0_to_1() -> None:
    contract = replace(MODEL.contract, order="RGB", maximum=1.0)
    told = metadata_properties(MODEL, contract)
    assert told["Image.BitmapPixelFormat"] == "Rgb8"
    assert told["Image.NominalPixelRange"] == "Normalized_0_1"
