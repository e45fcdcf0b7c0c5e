# SPDX-License-Identifier: Apache-2.0
"""The demonstration's networks: one frozen trunk of random filters, and one dense layer on it.

Random filters that nobody trained are poor features for photographs and good enough for drawn
shapes; what is learned, the dense layer, is fitted for real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.contracts import InputContract, Preset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trunkline.demo.fitting import Dense

__all__ = ["CONTRACT", "build_trunk", "with_head"]

CONTRACT = InputContract(height=96, width=96, preset=Preset.SAMPLE_STRETCH, order="RGB")
"""What the networks are fed: RGB, 0 to 255, channels last."""

_SEED = 20190501
_WAVELETS, _WAVELET_SIZE = 96, 7
_BLENDS, _CELL = 16, 16


def build_trunk() -> openvino.Model:
    """Build the trunk: float32 (1, 96, 96, 3) in, float32 (1, 768) features out.

    Two kinds of features come together: where which colours are (random blends of the channels,
    averaged over 6 x 6 cells), and which edges there are (how strongly random wavelets answer
    anywhere in the picture: root mean square and peak).
    """
    rng = np.random.default_rng(_SEED)
    picture = ops.parameter([1, CONTRACT.height, CONTRACT.width, 3], np.float32, name="picture")
    planes = ops.transpose(picture, np.array([0, 3, 1, 2]))
    planes = ops.divide(ops.subtract(planes, np.float32(128)), np.float32(64))
    features = ops.concat([_places(planes, rng), _edges(planes, rng)], axis=1)
    return openvino.Model([features], [picture], "demonstration")


def with_head(trunk: openvino.Model, head: Dense) -> openvino.Model:
    """Return a classifier: a copy of the trunk, a dense layer, and a softmax.

    Args:
        trunk: As ``build_trunk`` makes it; it is not changed.
        head: The dense layer, of as many inputs as the trunk has features.

    Returns:
        A network whose output, float32 (1, classes), is called ``probabilities``.
    """
    trunk = trunk.clone()
    features = trunk.outputs[0].get_node().input_value(0)
    logits = ops.add(ops.matmul(features, head.weights, False, False), head.bias)  # noqa: FBT003
    answer = ops.softmax(logits, axis=1)
    answer.output(0).set_names({"probabilities"})
    return openvino.Model([answer], trunk.get_parameters(), "demonstration")


def _places(planes: openvino.Node, rng: np.random.Generator) -> openvino.Node:
    blends = rng.normal(size=(_BLENDS, 3, 1, 1))
    blends /= np.sqrt((blends**2).sum(axis=1, keepdims=True))
    colours = ops.relu(_convolution(planes, blends, stride=4, padding=0))
    cell = [_CELL // 4, _CELL // 4]
    means = ops.avg_pool(colours, cell, [0, 0], [0, 0], cell, exclude_pad=True)
    return ops.reshape(means, np.array([0, -1]), special_zero=True)


def _edges(planes: openvino.Node, rng: np.random.Generator) -> openvino.Node:
    size = _WAVELET_SIZE
    answers = _convolution(planes, _wavelets(rng), stride=2, padding=size // 2)
    strong = ops.relu(ops.subtract(answers, np.float32(1)))  # weaker ones are noise
    everywhere = np.array([2, 3])
    energy = ops.reduce_mean(ops.multiply(strong, strong), everywhere, keep_dims=False)
    peak = ops.reduce_max(strong, everywhere, keep_dims=False)
    return ops.concat([ops.sqrt(energy), peak], axis=1)


def _wavelets(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return edge detectors (96, 3, 7, 7): random direction and width, in a random contrast.

    A contrast is a blend of the channels that sums to zero, which grey does not show in.
    """
    rows, columns = np.mgrid[:_WAVELET_SIZE, :_WAVELET_SIZE] - (_WAVELET_SIZE - 1) / 2
    turns = rng.uniform(0, 2 * np.pi, (_WAVELETS, 1, 1))
    frequencies = rng.uniform(0.06, 0.12, (_WAVELETS, 1, 1))
    along = columns * np.cos(turns) + rows * np.sin(turns)
    window = np.exp(-(rows**2 + columns**2) / (2 * (_WAVELET_SIZE / 4) ** 2))
    waves = window * np.sin(2 * np.pi * frequencies * along)
    waves /= np.sqrt((waves**2).sum(axis=(1, 2), keepdims=True))
    contrasts = rng.normal(size=(_WAVELETS, 3))
    contrasts -= contrasts.mean(axis=1, keepdims=True)
    contrasts /= np.sqrt((contrasts**2).sum(axis=1, keepdims=True))
    filters: NDArray[np.float64] = contrasts[:, :, None, None] * waves[:, None]
    return filters


def _convolution(
    planes: openvino.Node, filters: NDArray[np.float64], *, stride: int, padding: int
) -> openvino.Node:
    edges = [padding, padding]
    return ops.convolution(
        planes, filters.astype(np.float32), [stride, stride], edges, edges, [1, 1]
    )
