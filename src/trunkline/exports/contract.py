# SPDX-License-Identifier: Apache-2.0
"""Deciding the input contract: from the graph first, then from metadata, and saying why.

Metadata cannot be trusted for range or order: exports of 2025 say RGB and 0 to 1 while their graph
subtracts the means of blue, green and red from 0 to 255. So each property is decided by the first
of these that says anything: ``model.toml``; what the graph does to its input; which of the
service's known networks it is; metadata.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from trunkline.contracts import ChannelOrder, Decision, DType, InputContract, Layout, Preset
from trunkline.errors import UnsupportedExportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino

    from trunkline.exports.families import Family
    from trunkline.exports.normalisation import Normalisation
    from trunkline.exports.settings import InputSettings

__all__ = ["Evidence", "InputForm", "decide_contract", "input_form"]

T = TypeVar("T")

# What ImageNet networks of the Caffe lineage subtract, in blue, green, red order; SqueezeNet's
# and ShuffleNet's exports hold these numbers (their Core ML forms state them by channel).
CAFFE_MEANS_BGR = (104.0, 117.0, 123.0)
_MEAN_TOLERANCE = 2.0

_DTYPES: Mapping[str, DType] = {"f32": "float32", "f16": "float16", "u8": "uint8"}


@dataclass(frozen=True, slots=True)
class InputForm:
    """The tensor a graph takes, as far as the graph says.

    Attributes:
        layout: Where the three channels are.
        height: Rows; None where the graph leaves them open.
        width: Columns; likewise.
        dtype: The element type.
    """

    layout: Layout
    height: int | None
    width: int | None
    dtype: DType


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that speaks for one contract or another.

    Attributes:
        form: The tensor the graph takes.
        normalisation: What the graph does to it first.
        family: Which of the service's networks it is.
        metadata: ``metadata_properties.json`` and what the file itself says, merged.
        settings: The ``[input]`` of ``model.toml``.
        resizable: Whether the graph takes pictures of other sizes as well.
        source: What the person gave, for messages.
    """

    form: InputForm
    normalisation: Normalisation
    family: Family
    metadata: Mapping[str, str]
    settings: InputSettings
    resizable: bool
    source: str
    decisions: list[Decision] = field(default_factory=list)

    def decide(self, what: str, *candidates: tuple[T | None, str]) -> T:
        """Take the first candidate that is not None, and note why."""
        value, because = next((v, b) for v, b in candidates if v is not None)
        self.decisions.append(Decision(what, _say(value), because))
        return value


def input_form(graph: openvino.Model, settings: InputSettings, source: str) -> InputForm:
    """Read the layout, size and type of a graph's picture input.

    Raises:
        UnsupportedExportError: The graph has not one input that takes a colour picture.
    """
    if len(graph.inputs) != 1:
        raise UnsupportedExportError(
            source, f"its graph has {len(graph.inputs)} inputs; Trunkline feeds one picture to one."
        )
    port = graph.inputs[0]
    dtype = _DTYPES.get(port.get_element_type().get_type_name())
    if dtype is None:
        raise UnsupportedExportError(
            source,
            f"its input is of type {port.get_element_type()}; Trunkline feeds float32, float16 "
            "or uint8.",
        )
    shape = port.get_partial_shape()
    if not shape.rank.is_static or len(shape) != 4:
        raise UnsupportedExportError(
            source, f"its input has the shape {shape}, which is no picture."
        )
    sizes = [d.get_length() if d.is_static else None for d in shape]
    layout = settings.layout or _layout(sizes)
    if layout is None:
        raise UnsupportedExportError(
            source,
            f"its input has the shape {shape}, in which no axis is of three colours. If it is, "
            'say so in a model.toml beside it: [input] layout = "NHWC" or "NCHW".',
        )
    height, width = (sizes[1], sizes[2]) if layout == "NHWC" else (sizes[2], sizes[3])
    return InputForm(layout, height, width, dtype)


def _layout(sizes: list[int | None]) -> Layout | None:
    if sizes[3] == 3:
        return "NHWC"
    return "NCHW" if sizes[1] == 3 else None


def decide_contract(evidence: Evidence) -> InputContract:
    """Decide what a graph must be fed; the reasons are added to ``evidence.decisions``."""
    order = _order(evidence)
    maximum = _maximum(evidence)
    height, width, preset = _size_and_preset(evidence)
    return InputContract(
        height=height,
        width=width,
        preset=preset,
        order=order,
        layout=evidence.form.layout,
        dtype=evidence.form.dtype,
        maximum=maximum,
        mean=_mean(evidence),
        std=evidence.settings.std or (1.0, 1.0, 1.0),
    )


def _order(evidence: Evidence) -> ChannelOrder:
    mean = evidence.normalisation.mean
    by_graph: ChannelOrder | None = None
    if _is_near(mean, CAFFE_MEANS_BGR):
        by_graph = "BGR"
    elif _is_near(mean, CAFFE_MEANS_BGR[::-1]):
        by_graph = "RGB"
    numbers = ", ".join(f"{value:.0f}" for value in mean)
    by_metadata: Mapping[str, ChannelOrder] = {"bgr8": "BGR", "rgb8": "RGB"}
    told = by_metadata.get(evidence.metadata.get("Image.BitmapPixelFormat", "").lower())
    family = evidence.family
    return evidence.decide(
        "order",
        (evidence.settings.order, "model.toml says so"),
        (by_graph, f"the graph itself subtracts {numbers}, the means in that order"),
        (None if family.trusts_metadata else family.order, f"{family.description} takes it so"),
        (told, "its metadata says so"),
        (family.order, f"{family.description} takes it so"),
    )


def _maximum(evidence: Evidence) -> float:
    normalisation, family = evidence.normalisation, evidence.family
    by_graph: float | None = None
    if not normalisation.is_identity:
        # A graph that scales 255 down to a small range, or subtracts large means, wants 0 to 255.
        scaled = max(abs(s) for s in normalisation.scale) <= 2 / 255
        by_graph = 255.0 if scaled or max(normalisation.mean) > 2 else None
    by_metadata = {"normalized_0_1": 1.0, "nominalrange_0_255": 255.0}
    told = by_metadata.get(evidence.metadata.get("Image.NominalPixelRange", "").lower())
    return evidence.decide(
        "maximum",
        (evidence.settings.maximum, "model.toml says so"),
        (by_graph, "the graph itself brings 0 to 255 into its own range"),
        (None if family.trusts_metadata else family.maximum, f"{family.description} takes it so"),
        (told, "its metadata says so"),
        (family.maximum, f"{family.description} takes it so"),
    )


def _mean(evidence: Evidence) -> tuple[float, float, float]:
    outside = evidence.family.mean_outside and evidence.normalisation.is_identity
    return evidence.decide(
        "mean",
        (evidence.settings.mean, "model.toml says so"),
        (
            CAFFE_MEANS_BGR if outside else None,
            "no normalisation is in the graph of this early form, so the application subtracts",
        ),
        (
            (0.0, 0.0, 0.0),
            "the graph takes what it is given"
            if evidence.normalisation.is_identity
            else "the graph subtracts it itself",
        ),
    )


def _size_and_preset(evidence: Evidence) -> tuple[int, int, Preset]:
    settings, form, family = evidence.settings, evidence.form, evidence.family
    any_size = evidence.resizable and family.preset is Preset.DETECTOR_COMPACT
    preset = evidence.decide(
        "preset",
        (settings.resize, "model.toml says so"),
        (
            Preset.SAMPLE_STRETCH
            if family.preset is Preset.DETECTOR_COMPACT and not any_size
            else None,
            "this detector's graph takes one size only",
        ),
        (family.preset, f"{family.description} ran with it"),
    )
    square = _PIXEL_COUNT_SIDE if preset is Preset.DETECTOR_COMPACT else None
    height = settings.height or square or form.height
    width = settings.width or square or form.width
    if height is None or width is None:
        raise UnsupportedExportError(
            evidence.source,
            "its graph leaves the size of the picture open. Say it in a model.toml beside it: "
            "[input] width = ... and height = ...",
        )
    because = "model.toml says so" if settings.width else "the graph's input is so"
    evidence.decisions.append(
        Decision("size", f"{width} x {height}", because if square is None else "its script ran so")
    )
    return height, width, preset


# Compact detectors' own script brings every picture to about this square's number of pixels.
_PIXEL_COUNT_SIDE = 512


def _is_near(values: tuple[float, float, float], expected: tuple[float, ...]) -> bool:
    return all(abs(v - e) <= _MEAN_TOLERANCE for v, e in zip(values, expected, strict=True))


def _say(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{v:g}" for v in value)
    return f"0 to {value:g}" if isinstance(value, float) else str(value)
