# SPDX-License-Identifier: Apache-2.0
"""The networks that the service exported over the years, and what each ran with.

Facts measured on 59 real exports with weights (2017-09 to 2025-06) and 15 TensorFlow.js graphs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trunkline.contracts import ChannelOrder, Preset

if TYPE_CHECKING:
    from trunkline.exports.contract import InputForm
    from trunkline.exports.package import ModelFormat
    from trunkline.predictions import Task

__all__ = ["UNKNOWN", "Family", "recognise"]


@dataclass(frozen=True, slots=True)
class Family:
    """One generation of network and the way its pictures are made ready.

    Attributes:
        description: What it is, as the subject of a sentence.
        preset: The resize and crop rule it ran with.
        order: The channel order it takes where nothing better is known.
        maximum: What a full channel becomes, where nothing better is known.
        mean_outside: Whether forms without normalisation in the graph need the mean subtracted.
        trusts_metadata: Whether metadata outweighs ``order`` and ``maximum``.
        known: Whether the service wrote it.
    """

    description: str
    preset: Preset
    order: ChannelOrder
    maximum: float = 255.0
    mean_outside: bool = False
    trusts_metadata: bool = True
    known: bool = True


_SQUEEZENET = Family(
    "a compact classifier of 2017 to 2019 (SqueezeNet)",
    Preset.CONTAINER_2018,
    "BGR",
    mean_outside=True,
    trusts_metadata=False,
)
_SHUFFLENET = Family("a compact classifier since 2019 (ShuffleNetV2)", Preset.CONTAINER_2024, "BGR")
_S1_CLASSIFIER = Family("an S1 classifier", Preset.CONTAINER_2024, "RGB")
_COMPACT_DETECTOR = Family(
    "a compact detector (Tiny YOLOv2)", Preset.DETECTOR_COMPACT, "BGR", trusts_metadata=False
)
_S1_DETECTOR = Family("an S1 detector", Preset.DETECTOR_S1, "RGB", trusts_metadata=False)
UNKNOWN = Family("a model of no known kind", Preset.SAMPLE_STRETCH, "RGB", known=False)


def recognise(
    task: Task, form: InputForm, names: set[str], outputs: int, model_format: ModelFormat
) -> Family:
    """Tell which of the service's networks a graph is.

    Args:
        task: What it does.
        form: The tensor it takes.
        names: The names of its inputs and outputs, without TensorFlow's output index.
        outputs: How many outputs it has.
        model_format: The format it came in.
    """
    family = _network(task, form.height, names, outputs)
    match model_format:
        case "tensorflowjs" if task == "detection" and family.known:
            return replace(family, preset=Preset.TENSORFLOWJS_STRETCH)
        case "tensorflowjs" if family.known:
            return replace(family, preset=Preset.TENSORFLOWJS)
        case "openvino" if family.known and form.layout == "NCHW":
            # The service's OpenVINO exports take RGB, 0 to 1, whatever the network. In NHWC it is
            # a TensorFlow export that someone converted, and takes what that took.
            return replace(family, order="RGB", maximum=1.0, mean_outside=False)
        case "onnx" if task == "detection":
            # ONNX detectors state their own order and range, and take one size.
            return replace(family, trusts_metadata=True)
        case _:
            return family


def _network(task: Task, side: int | None, names: set[str], outputs: int) -> Family:
    if task == "detection":
        if "detected_boxes" in names:
            return _S1_DETECTOR
        return _COMPACT_DETECTOR if outputs == 1 else UNKNOWN
    if side == 227:
        return _SQUEEZENET
    if side == 300 and names & {"data", "model_output"}:
        return _S1_CLASSIFIER
    if names & {"Placeholder", "model_outputs", "model_output", "loss"}:
        return _SHUFFLENET
    return UNKNOWN
