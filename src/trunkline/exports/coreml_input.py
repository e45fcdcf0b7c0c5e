# SPDX-License-Identifier: Apache-2.0
"""The input of a Core ML network, and what the file does to a picture before the first layer.

Source: ``NeuralNetworkPreprocessing`` and ``NeuralNetworkImageScaler`` in Apple's Core ML format
reference: ``channelScale * pixel + bias``, with one bias per channel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from openvino import opset13 as ops

from trunkline.errors import ExportError, UnsupportedExportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import openvino

    from trunkline.exports.messages import Message

__all__ = ["CoreMLInput", "build_input"]

# By ImageFeatureType.ColorSpace: the value of Image.BitmapPixelFormat, and the scaler's biases in
# the order of the channels.
_COLOURS = {
    10: ("Gray8", ("grayBias",)),
    20: ("Rgb8", ("redBias", "greenBias", "blueBias")),
    30: ("Bgr8", ("blueBias", "greenBias", "redBias")),
}
_LARGEST_SIDE = 1 << 16  # of a picture; a larger one is the sign of a damaged file


@dataclass(frozen=True, eq=False)
class CoreMLInput:
    """The picture that a network takes.

    Attributes:
        name: The name that layers know it by.
        parameter: The graph's input, float32 of shape (any, channels, height, width).
        prepared: The picture after the file's own preprocessing.
        metadata: The pixel format and range, by the keys of ``Network.metadata``; empty where the
            input is declared as an array and not as a picture.
    """

    name: str
    parameter: openvino.op.Parameter
    prepared: openvino.Output
    metadata: dict[str, str]


@dataclass(frozen=True)
class _Declared:
    """An input as the file declares it: (channels, height, width), and what the values mean."""

    shape: list[int]
    biases: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


def build_input(description: Message, preprocessing: Sequence[Message], path: Path) -> CoreMLInput:
    """Build the beginning of the graph: its input, and the file's own preprocessing.

    Args:
        description: The model's ``ModelDescription``.
        preprocessing: The network's ``NeuralNetworkPreprocessing`` messages.
        path: The file, for messages.

    Raises:
        UnsupportedExportError: There is not one input, it is no picture, or it is prepared in
            another way than by a scale and biases.
        ExportError: The picture's size or colours are not stated.
    """
    if len(description.input) != 1:
        raise UnsupportedExportError(
            path,
            f"its network takes {len(description.input)} inputs; Trunkline runs networks that take "
            "one picture.",
        )
    feature = description.input[0]
    declared = _declared(feature.type, path)
    if any(not 0 < side <= _LARGEST_SIDE for side in declared.shape):
        raise ExportError(path, f"its input has the impossible shape {declared.shape}.")
    parameter = ops.parameter([-1, *declared.shape], np.float32, name=feature.name)
    parameter.output(0).get_tensor().set_names({feature.name})
    prepared = parameter.output(0)
    for step in preprocessing:
        prepared = _prepare(prepared, step, declared.biases, path)
    return CoreMLInput(feature.name, parameter, prepared, declared.metadata)


def _declared(kind: Message, path: Path) -> _Declared:
    """Read a ``FeatureType``."""
    if kind.WhichOneof("Type") == "imageType":
        image = kind.imageType
        if image.colorSpace not in _COLOURS:
            raise UnsupportedExportError(
                path, "its picture's colours are neither RGB nor BGR nor grey, of 8 bits each."
            )
        pixels, biases = _COLOURS[image.colorSpace]
        return _Declared(
            [len(biases), image.height, image.width],
            biases,
            {"Image.BitmapPixelFormat": pixels, "Image.NominalPixelRange": "NominalRange_0_255"},
        )
    shape = list(kind.multiArrayType.shape)
    # From specification 4 on, an array may be declared with its batch axis.
    if len(shape) == 4 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) != 3:
        raise UnsupportedExportError(
            path, "its input is not a picture (an image, or an array of channels, rows, columns)."
        )
    return _Declared(shape)


def _prepare(
    picture: openvino.Output, step: Message, biases: tuple[str, ...], path: Path
) -> openvino.Output:
    """Apply one ``NeuralNetworkPreprocessing`` as operations; what changes nothing is left out."""
    scaler = step.scaler
    if step.WhichOneof("preprocessor") != "scaler" or not biases or scaler.channelScale == 0:
        raise UnsupportedExportError(
            path,
            "it prepares its input by something else than a scale and biases of pixels, which "
            "Trunkline cannot do. Export the model in another format, such as ONNX or TensorFlow.",
        )
    if scaler.channelScale != 1:
        picture = ops.multiply(picture, np.float32(scaler.channelScale)).output(0)
    added = np.array([getattr(scaler, bias) for bias in biases], np.float32)
    if added.any():
        picture = ops.add(picture, added.reshape(1, -1, 1, 1)).output(0)
    return picture
