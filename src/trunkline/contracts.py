# SPDX-License-Identifier: Apache-2.0
"""The input contract: what a model's graph must be fed.

A contract is a value. Two models with equal contracts are fed the very same tensor, which is made
once per frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

__all__ = ["ChannelOrder", "DType", "Decision", "InputContract", "Layout", "Preset"]

ChannelOrder = Literal["RGB", "BGR"]
Layout = Literal["NHWC", "NCHW"]
DType = Literal["float32", "float16", "uint8"]


class Preset(StrEnum):
    """How a picture becomes the square or rectangle a graph takes, by what ran it first.

    The values are named after the generation of export whose own program did it so; see
    ``trunkline.images.presets`` for each rule.
    """

    CONTAINER_2018 = "container-2018"
    """Container of 2018-07 to 2019-03: at most 1600, centre square point-sampled to 256, crop."""
    CONTAINER_2024 = "container-2024"
    """Container 2.2 (2024-2025): shorter side to the input size, centre crop."""
    SAMPLE_STRETCH = "sample-stretch"
    """The vendor's sample scripts: stretched to the input size, bilinear."""
    TENSORFLOWJS = "tensorflowjs"
    """The TensorFlow.js library: centre square, then resized to the input size, bilinear."""
    TENSORFLOWJS_STRETCH = "tensorflowjs-stretch"
    """The TensorFlow.js library for detectors: stretched to the input size, its own bilinear."""
    DETECTOR_COMPACT = "detector-compact"
    """Compact detectors' own script: about 512 x 512 pixels, aspect kept, sides multiples of 32."""
    DETECTOR_S1 = "detector-s1"
    """S1 detectors: stretched to the input size, bilinear."""


@dataclass(frozen=True, slots=True)
class InputContract:
    """What a graph must be fed, and how a picture becomes that.

    The tensor is ``(pixel * maximum / 255 - mean) / std`` per channel, with one picture in it.

    Attributes:
        height: Rows of the tensor. For ``Preset.DETECTOR_COMPACT``, of the square whose pixel
            count the picture is brought to.
        width: Columns of the tensor; likewise.
        preset: The resize and crop rule.
        order: The order of the channels.
        layout: ``"NHWC"`` or ``"NCHW"``.
        dtype: The element type of the tensor.
        maximum: What a full channel (255) becomes: 255.0 or 1.0.
        mean: Subtracted per channel, in the tensor's channel order and range.
        std: Divided by per channel, in the tensor's channel order and range.
    """

    height: int
    width: int
    preset: Preset
    order: ChannelOrder = "BGR"
    layout: Layout = "NHWC"
    dtype: DType = "float32"
    maximum: float = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was decided while an export was read, and why.

    Attributes:
        what: What was decided: ``"task"``, ``"order"``, ``"mean"`` and the like.
        value: What it was decided to be, for a person to read.
        because: The reason, as a clause that follows "because".
    """

    what: str
    value: str
    because: str
