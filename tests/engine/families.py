# SPDX-License-Identifier: Apache-2.0
"""Networks that begin alike: a number tells a layer, and equal numbers are equal weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.contracts import InputContract, Preset
from trunkline.decoding import ClassificationDecoder
from trunkline.engine.modelset import ModelSet
from trunkline.exports.reading import read_one
from trunkline.models import Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trunkline.engine.compiled import Optimise

SIDE, CHANNELS = 32, 16
CONTRACT = InputContract(SIDE, SIDE, Preset.SAMPLE_STRETCH)

FIRST_MACS = SIDE * SIDE * 27 * CHANNELS
LAYER_MACS = SIDE * SIDE * 9 * CHANNELS * CHANNELS
"""Of every layer but the first; enough to be worth sharing."""
LAYER_BYTES = 4 * (9 * CHANNELS * CHANNELS + CHANNELS)


def network(
    layers: Sequence[int],
    end: Literal["dense", "mean"] = "dense",
    labels: int = 3,
    seed: int = 0,
    side: int = SIDE,
) -> openvino.Model:
    """Build a classifier: convolutions of 3 x 3, then a dense layer, or one more and a mean."""
    picture = ops.parameter([1, side, side, 3], openvino.Type.f32, name="picture")
    port = ops.transpose(picture, np.array([0, 3, 1, 2])).output(0)
    for layer in layers:
        port = ops.relu(_convolution(port, CHANNELS, layer)).output(0)
    if end == "mean":
        port = _convolution(port, labels, seed)
    port = ops.reduce_mean(port, np.array([2, 3]), keep_dims=False).output(0)
    if end == "dense":
        weights = np.random.default_rng((1, seed)).normal(0, 0.01, (CHANNELS, labels))
        product = ops.matmul(port, weights.astype(np.float32), transpose_a=False, transpose_b=False)
        port = ops.add(product, np.full((1, labels), 0.1 + seed, np.float32)).output(0)
    return openvino.Model([ops.softmax(port, 1).output(0)], [picture], "network")


def _convolution(port: openvino.Output, channels: int, seed: int) -> openvino.Output:
    taken = port.get_shape()[1]
    rng = np.random.default_rng((0, seed))
    weights = rng.normal(0, 0.5 / np.sqrt(taken), (channels, taken, 3, 3)).astype(np.float32)
    bias = rng.normal(0, 1, (1, channels, 1, 1)).astype(np.float32)
    made = ops.convolution(port, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    return ops.add(made, bias).output(0)


def model(
    name: str,
    layers: Sequence[int],
    end: Literal["dense", "mean"] = "dense",
    labels: int = 3,
    seed: int = 0,
) -> Model:
    """Return such a classifier as a model that has been read."""
    names = tuple(f"{name}-{number}" for number in range(labels))
    decoder = ClassificationDecoder("multiclass")
    graph = network(layers, end, labels, seed)
    return Model(name, names, "multiclass", CONTRACT, graph, decoder, "made", name)


def export(
    folder: Path,
    layers: Sequence[int],
    end: Literal["dense", "mean"] = "dense",
    labels: int = 3,
    seed: int = 0,
) -> Path:
    """Write such a classifier as an export; return its folder."""
    folder.mkdir(parents=True)
    graph = network(layers, end, labels, seed)
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    names = "".join(f"{folder.name}-{number}\n" for number in range(labels))
    (folder / "labels.txt").write_text(names, "utf-8")
    (folder / "model.toml").write_text('task = "multiclass"\n[input]\norder = "BGR"\n', "utf-8")
    return folder


@dataclass(frozen=True)
class Exports:
    """Such classifiers as where models come from, for processes of their own as well."""

    layers: tuple[tuple[int, ...], ...]

    def load(self, optimise: Optimise) -> ModelSet:
        models = ModelSet(optimise=optimise)
        models.add(*self.read())
        return models

    def read(self) -> list[Model]:
        return [
            model(f"model {number}", layers, seed=number)
            for number, layers in enumerate(self.layers)
        ]


@dataclass(frozen=True)
class Files:
    """Exports on disk as where models come from."""

    paths: tuple[Path, ...]

    def load(self, optimise: Optimise) -> ModelSet:
        models = ModelSet(optimise=optimise)
        models.add(*self.paths)
        return models

    def read(self) -> Iterator[Model]:
        for path in self.paths:
            found = read_one(path, path.name)
            assert isinstance(found, Model), found
            yield found
