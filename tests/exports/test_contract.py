# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from openvino import opset13 as ops

from exports.graphs import graph_of, pooled, taking
from trunkline.contracts import Preset
from trunkline.errors import UnsupportedExportError
from trunkline.exports.contract import Evidence, InputForm, decide_contract, input_form
from trunkline.exports.families import recognise
from trunkline.exports.normalisation import Normalisation
from trunkline.exports.package import ModelFormat
from trunkline.exports.settings import InputSettings

NOTHING = Normalisation((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
SUBTRACTS_BGR = Normalisation((1.0, 1.0, 1.0), (-104.0, -117.0, -123.0))
SUBTRACTS_RGB = Normalisation((1.0, 1.0, 1.0), (-123.0, -117.0, -104.0))
LYING = {"Image.BitmapPixelFormat": "Rgb8", "Image.NominalPixelRange": "Normalized_0_1"}

SQUEEZENET = recognise(
    "multilabel", taking(227), {"Placeholder", "loss"}, 1, ModelFormat.TENSORFLOW
)
SHUFFLENET = recognise("multiclass", taking(224), {"Placeholder"}, 1, ModelFormat.TFLITE)
S1 = recognise("multiclass", taking(300, "NCHW"), {"data", "model_output"}, 1, ModelFormat.ONNX)
COMPACT = recognise("detection", taking(416), {"model_outputs"}, 1, ModelFormat.TENSORFLOW)
COMPACT_ONNX = recognise("detection", taking(416, "NCHW"), {"model_outputs0"}, 1, ModelFormat.ONNX)


def evidence(
    family=SQUEEZENET,
    normalisation=NOTHING,
    metadata=None,
    settings=None,
    resizable=False,
    form=None,
):
    return Evidence(
        form=form or InputForm("NHWC", 227, 227, "float32"),
        normalisation=normalisation,
        family=family,
        metadata=metadata or {},
        settings=settings or InputSettings(),
        resizable=resizable,
        source="here",
    )


def reason(case: Evidence, what: str) -> str:
    return next(d.because for d in case.decisions if d.what == what)


def test_the_graph_outweighs_metadata_that_lies() -> None:
    case = evidence(SHUFFLENET, SUBTRACTS_BGR, LYING)
    contract = decide_contract(case)
    assert (contract.order, contract.maximum, contract.mean) == ("BGR", 255.0, (0, 0, 0))
    assert "104, 117, 123" in reason(case, "order")


def test_means_in_red_green_blue_order_mean_rgb() -> None:
    assert decide_contract(evidence(SHUFFLENET, SUBTRACTS_RGB)).order == "RGB"


def test_the_earliest_form_needs_the_mean_subtracted_outside() -> None:
    case = evidence(SQUEEZENET, NOTHING)
    assert decide_contract(case).mean == (104.0, 117.0, 123.0)
    assert "application subtracts" in reason(case, "mean")


def test_a_graph_with_its_own_normalisation_needs_no_mean() -> None:
    own = Normalisation((0.01, 0.01, 0.01), (-1.0, -1.1, -1.2))
    contract = decide_contract(evidence(SQUEEZENET, own))
    assert (contract.mean, contract.maximum) == ((0, 0, 0), 255.0)


def test_metadata_decides_where_the_graph_says_nothing() -> None:
    contract = decide_contract(evidence(SHUFFLENET, NOTHING, LYING))
    assert (contract.order, contract.maximum) == ("RGB", 1.0)


def test_metadata_does_not_decide_for_a_network_that_is_known() -> None:
    contract = decide_contract(evidence(COMPACT, NOTHING, LYING, resizable=True))
    assert (contract.order, contract.maximum) == ("BGR", 255.0)


def test_an_onnx_detector_states_its_own_order_and_range() -> None:
    contract = decide_contract(evidence(COMPACT_ONNX, NOTHING, LYING))
    assert (contract.order, contract.maximum) == ("RGB", 1.0)


def test_model_toml_outweighs_everything() -> None:
    told = InputSettings(
        width=64, height=32, order="RGB", maximum=1.0, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0),
        resize=Preset.TENSORFLOWJS,
    )  # fmt: skip
    contract = decide_contract(evidence(SQUEEZENET, SUBTRACTS_BGR, settings=told))
    assert (contract.width, contract.height, contract.order, contract.maximum) == (64, 32, "RGB", 1)
    assert (contract.mean, contract.std) == ((1, 2, 3), (4, 5, 6))
    assert contract.preset is Preset.TENSORFLOWJS


@pytest.mark.parametrize(
    ("family", "resizable", "preset", "side"),
    [
        (SQUEEZENET, False, Preset.CONTAINER_2018, 227),
        (SHUFFLENET, False, Preset.CONTAINER_2024, 227),
        (S1, False, Preset.CONTAINER_2024, 227),
        (COMPACT, True, Preset.DETECTOR_COMPACT, 512),
        (COMPACT, False, Preset.SAMPLE_STRETCH, 227),
        (
            recognise("detection", taking(320), {"detected_boxes"}, 3, ModelFormat.TENSORFLOW),
            False, Preset.DETECTOR_S1, 227,
        ),
        (
            recognise("detection", taking(320), {"detected_boxes"}, 3, ModelFormat.TENSORFLOWJS),
            False, Preset.TENSORFLOWJS_STRETCH, 227,
        ),
        (
            recognise("multiclass", taking(224), {"Placeholder"}, 1, ModelFormat.TENSORFLOWJS),
            False, Preset.TENSORFLOWJS, 227,
        ),
    ],
)  # fmt: skip
def test_each_generation_has_its_preset(family, resizable, preset, side) -> None:
    contract = decide_contract(evidence(family, resizable=resizable))
    assert (contract.preset, contract.height, contract.width) == (preset, side, side)


def test_openvino_exports_of_the_service_take_rgb_from_0_to_1() -> None:
    family = recognise("multilabel", taking(227, "NCHW"), {"data", "loss"}, 1, ModelFormat.OPENVINO)
    contract = decide_contract(evidence(family))
    assert (contract.order, contract.maximum, contract.mean) == ("RGB", 1.0, (0, 0, 0))


def test_a_model_of_no_known_kind_is_told_apart() -> None:
    assert not recognise("multiclass", taking(128, "NCHW"), {"x", "y"}, 1, ModelFormat.ONNX).known
    assert not recognise(
        "detection", taking(640, "NCHW"), {"a", "b", "c"}, 3, ModelFormat.ONNX
    ).known


def test_an_open_size_must_be_said() -> None:
    with pytest.raises(UnsupportedExportError, match="width"):
        decide_contract(evidence(form=InputForm("NHWC", None, None, "float32")))


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((-1, 3, 8, 9), "f32", InputForm("NCHW", 8, 9, "float32")),
        ((1, 8, 9, 3), "f16", InputForm("NHWC", 8, 9, "float16")),
        ((1, -1, -1, 3), "u8", InputForm("NHWC", None, None, "uint8")),
    ],
)
def test_the_form_of_the_input_is_read_off_the_graph(shape, dtype, expected) -> None:
    graph = graph_of(ops.relu, shape, dtype if dtype != "u8" else "f32")
    if dtype == "u8":
        graph = graph_of(lambda x: ops.relu(ops.convert(x, "f32")), shape, "u8")
    assert input_form(graph, InputSettings(), "here") == expected


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((1, 5, 8, 8), "f32", "no axis is of three colours"),
        ((1, 3), "f32", "no picture"),
        ((1, 3, 8, 8), "i64", "of type"),
    ],
)
def test_an_input_that_is_no_picture_is_refused(shape, dtype, message) -> None:
    graph = graph_of(ops.abs, shape, dtype)
    with pytest.raises(UnsupportedExportError, match=message):
        input_form(graph, InputSettings(), "here")


def test_a_graph_of_two_inputs_is_refused() -> None:
    import openvino

    left, right = (ops.parameter([1, 3, 8, 8], openvino.Type.f32) for _ in range(2))
    graph = openvino.Model([ops.add(left, right).output(0)], [left, right])
    with pytest.raises(UnsupportedExportError, match="2 inputs"):
        input_form(graph, InputSettings(), "here")


def test_model_toml_may_say_the_layout() -> None:
    graph = graph_of(lambda x: pooled(x, 2), (1, 3, 8, 3))
    told = InputSettings(layout="NCHW")
    assert input_form(graph, InputSettings(), "here").layout == "NHWC"
    assert input_form(graph, told, "here") == InputForm("NCHW", 8, 3, "float32")


def test_numbers_are_said_plainly() -> None:
    case = evidence(SQUEEZENET, NOTHING)
    decide_contract(case)
    values = {d.what: d.value for d in case.decisions}
    assert values["mean"] == "104, 117, 123"
    assert values["maximum"] == "0 to 255"
    assert values["size"] == "227 x 227"
