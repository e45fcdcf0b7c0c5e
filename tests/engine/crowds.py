# SPDX-License-Identifier: Apache-2.0
"""Random families of small networks: common stems, cut anywhere, with heads of every kind."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import openvino
from hypothesis import strategies as st
from openvino import opset13 as ops

from trunkline.contracts import InputContract, Preset
from trunkline.decoding import ClassificationDecoder
from trunkline.engine.modelset import ModelSet
from trunkline.models import Model
from trunkline.predictions import Classification

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.predictions import Prediction

SIDE = 24
CONTRACTS = (
    InputContract(SIDE, SIDE, Preset.SAMPLE_STRETCH),
    InputContract(SIDE, SIDE, Preset.SAMPLE_STRETCH, mean=(104.0, 117.0, 123.0)),
    InputContract(SIDE, SIDE, Preset.SAMPLE_STRETCH, "RGB", maximum=1.0, std=(0.2, 0.3, 0.2)),
)
PICTURE = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
PACKED_TOLERANCE = 1e-6

Kind = Literal["conv", "wide", "residual", "branch", "depthwise", "pool", "scale"]
# Convolutions come twice: they are what makes a beginning worth sharing.
KINDS: tuple[Kind, ...] = (
    "conv",
    "wide",
    "conv",
    "wide",
    "residual",
    "branch",
    "depthwise",
    "pool",
    "scale",
)
End = Literal["softmax", "sigmoid", "softmax outside", "sigmoid outside", "deep", "map", "two"]
ENDS: tuple[End, ...] = (
    "softmax",
    "sigmoid",
    "softmax outside",
    "sigmoid outside",
    "deep",
    "map",
    "two",
)
_MOST_LAYERS = 4
PACKED_ENDS = frozenset(ENDS[:4])


@dataclass(frozen=True)
class Layer:
    """Equal layers have equal weights."""

    kind: Kind
    seed: int


@dataclass(frozen=True)
class Recipe:
    """What a network is made of; the same recipe makes the same network."""

    layers: tuple[Layer, ...]
    end: End
    seed: int
    labels: int = 3
    contract: int = 0

    @property
    def is_packed(self) -> bool:
        return self.end in PACKED_ENDS


@dataclass(frozen=True)
class Raw:
    """A decoder that answers with every number it is given, as they are."""

    def __call__(self, outputs: Sequence[np.ndarray], labels: tuple[str, ...]) -> Prediction:
        return Classification(
            "multilabel", labels, np.concatenate([o.reshape(-1) for o in outputs])
        )


layers = st.builds(Layer, st.sampled_from(KINDS), st.integers(0, 3))


@st.composite
def families(draw: st.DrawFn, most: int = 5) -> list[Recipe]:
    """Recipes of which each begins as one before it does, up to a random point."""
    recipes: list[Recipe] = []
    for seed in range(draw(st.integers(2, most))):
        stem: tuple[Layer, ...] = ()
        contract = draw(st.sampled_from((0, 0, 1, 2)))
        if recipes and draw(st.integers(0, 7)):
            before = draw(st.sampled_from(recipes))
            contract = before.contract
            stem = before.layers[: draw(st.integers(1, len(before.layers)))]
        room = _MOST_LAYERS - len(stem)
        own = draw(st.lists(layers, min_size=0 if stem else 2, max_size=max(room, 0)))
        # One head in five has the weights of another; what differs then is only what it hangs on.
        head = seed if draw(st.integers(0, 4)) else 0
        end, labels = draw(st.sampled_from(ENDS)), draw(st.integers(1, 5))
        recipes.append(Recipe((*stem, *own), end, head, labels, contract))
    return recipes


def model(name: str, recipe: Recipe) -> Model:
    """Return the network of a recipe as a model that has been read."""
    outside = recipe.end.partition(" outside")
    decoder = ClassificationDecoder("multilabel", outside[0] if outside[1] else "none")  # type: ignore[arg-type]
    labels = tuple(f"{name} {index}" for index in range(recipe.labels))
    whole = Model(
        name, labels, "multilabel", CONTRACTS[recipe.contract], graph(recipe), decoder, "made", name
    )
    return whole if recipe.is_packed else replace(whole, decoder=Raw())


def graph(recipe: Recipe) -> openvino.Model:
    """Build the network of a recipe: NHWC in."""
    picture = ops.parameter([1, SIDE, SIDE, 3], openvino.Type.f32, name="picture")
    small = ops.multiply(picture, np.float32(1 / 255)) if recipe.contract < 2 else picture
    port = ops.transpose(small, np.array([0, 3, 1, 2])).output(0)
    for layer in recipe.layers:
        port = _layer(port, layer)
    return openvino.Model(_ends(port, recipe), [picture], "network")


def _layer(port: openvino.Output, layer: Layer) -> openvino.Output:
    channels, seed = port.get_shape()[1], layer.seed
    match layer.kind:
        case "conv":
            return _relu(_convolution(port, 16, seed))
        case "wide":
            return _relu(_convolution(port, 32, seed))
        case "residual":
            return _relu(ops.add(port, _convolution(port, channels, seed)).output(0))
        case "branch":
            narrow = _relu(_convolution(port, 8, seed, 1))
            return ops.concat([narrow, _relu(_convolution(port, 16, seed))], 1).output(0)
        case "depthwise":
            rng = np.random.default_rng((7, seed))
            weights = rng.normal(0, 0.3, (channels, 1, 1, 3, 3)).astype(np.float32)
            made = ops.group_convolution(port, weights, [1, 1], [1, 1], [1, 1], [1, 1])
            return _relu(made.output(0))
        case "pool" if min(port.get_shape()[2:]) > 4:
            taken = ops.max_pool(port, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2], "floor", "explicit")
            return taken.output(0)
        case _:
            rng = np.random.default_rng((8, seed))
            factor = rng.uniform(0.5, 1.5, (1, channels, 1, 1)).astype(np.float32)
            return ops.add(ops.multiply(port, factor), np.float32(0.1 + seed)).output(0)


def _ends(port: openvino.Output, recipe: Recipe) -> list[openvino.Output]:
    match recipe.end:
        case "softmax":
            return [ops.softmax(_dense(_mean(port), recipe.labels, recipe.seed), 1).output(0)]
        case "sigmoid":
            return [ops.sigmoid(_dense(_mean(port), recipe.labels, recipe.seed)).output(0)]
        case "softmax outside" | "sigmoid outside":
            return [_dense(_mean(port), recipe.labels, recipe.seed)]
        case "deep":
            hidden = _relu(_dense(_mean(port), 16, recipe.seed))
            return [ops.softmax(_dense(hidden, recipe.labels, recipe.seed), 1).output(0)]
        case "map":
            return [_convolution(port, recipe.labels, recipe.seed)]
        case "two":
            whole = _mean(_convolution(port, 6, recipe.seed))
            return [_dense(_mean(port), recipe.labels, recipe.seed), whole]


def _convolution(port: openvino.Output, channels: int, seed: int, size: int = 3) -> openvino.Output:
    taken = port.get_shape()[1]
    rng = np.random.default_rng((seed, channels, size))
    weights = rng.normal(0, 1 / (size * np.sqrt(taken)), (channels, taken, size, size))
    bias = rng.normal(0, 0.3, (1, channels, 1, 1)).astype(np.float32)
    edge = [size // 2, size // 2]
    made = ops.convolution(port, weights.astype(np.float32), [1, 1], edge, edge, [1, 1])
    return ops.add(made, bias).output(0)


def _dense(port: openvino.Output, labels: int, seed: int) -> openvino.Output:
    rng = np.random.default_rng((seed, labels))
    weights = rng.normal(0, 0.5, (port.get_shape()[1], labels)).astype(np.float32)
    product = ops.matmul(port, weights, transpose_a=False, transpose_b=False)
    return ops.add(product, rng.normal(0, 0.5, (1, labels)).astype(np.float32)).output(0)


def _mean(port: openvino.Output) -> openvino.Output:
    return ops.reduce_mean(port, np.array([2, 3]), keep_dims=False).output(0)


def _relu(port: openvino.Output) -> openvino.Output:
    return ops.relu(port).output(0)


@functools.cache
def alone(recipe: Recipe, cores: int | None = None) -> np.ndarray:
    """Return what the network of a recipe answers in a model set of its own."""
    models = ModelSet(cores=cores)
    models.add(model("alone", recipe))
    return numbers(models.predict(PICTURE)["alone"])


def numbers(prediction: Prediction) -> np.ndarray:
    assert isinstance(prediction, Classification)
    return prediction.probabilities


def check(models: ModelSet, recipes: Mapping[str, Recipe], cores: int | None = None) -> None:
    """Hold every answer of a model set against that of the model alone."""
    answers = models.predict(PICTURE)
    assert set(answers) == set(models) == set(recipes)
    for name, recipe in recipes.items():
        found, expected = numbers(answers[name]), alone(recipe, cores)
        if models.plan.entries[name].pack is None:
            np.testing.assert_array_equal(found, expected, err_msg=name)
        else:
            np.testing.assert_allclose(found, expected, rtol=0, atol=PACKED_TOLERANCE, err_msg=name)
