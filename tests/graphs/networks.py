# SPDX-License-Identifier: Apache-2.0
"""Small random networks, and the ways in which exporters write one and the same network.

A ``Network`` says what is computed, a ``Dialect`` how that is written; ``graphs.writing`` writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from trunkline.contracts import InputContract, Preset
from trunkline.exports.runtime import core

if TYPE_CHECKING:
    import openvino

Array = NDArray[Any]
Padding = Literal["same", "valid"] | tuple[int, int, int, int]
"""Same, valid, or how many lines at the top, left, bottom and right."""


@dataclass(frozen=True)
class Conv:
    channels: int = 4
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    padding: Padding = "same"
    relu: bool = True
    bias: bool = True
    depthwise: bool = False


@dataclass(frozen=True)
class Norm:
    epsilon: float = 1e-5
    relu: bool = True


@dataclass(frozen=True)
class Pool:
    """A pool behind a rectifier."""

    kind: Literal["max", "average"] = "max"
    kernel: int = 2
    stride: int = 2
    padding: Literal["same", "valid"] = "valid"


@dataclass(frozen=True)
class Residual:
    """The input plus what a convolution makes of it."""

    kernel: int = 3


@dataclass(frozen=True)
class Fork:
    """Two convolutions of the same tensor, put behind each other."""

    first: int = 2
    second: int = 3
    kernel: int = 3


@dataclass(frozen=True)
class Mean:
    """The mean over the picture."""


@dataclass(frozen=True)
class Dense:
    labels: int = 3
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"


Layer = Conv | Norm | Pool | Residual | Fork | Mean | Dense


@dataclass(frozen=True)
class Network:
    layers: tuple[Layer, ...]
    height: int = 12
    width: int = 11
    mean: tuple[float, float, float] = (104.0, 117.0, 123.0)
    seed: int = 0


@dataclass(frozen=True)
class Dialect:
    """How a network is written.

    Attributes:
        form: ``"NCHW"`` as ONNX and Core ML have it, ``"NHWC"`` with a transposition before and
            behind every operation on pictures, or ``"pb"``: a frozen TensorFlow graph, read.
        padding: As an attribute by its name, by its lines, or as an operation of its own.
        mean: Whether the graph takes off the mean, or the contract says so.
        halves: Whether constants are stored as float16.
        arithmetic: Whether batch normalisation is a product and a sum.
        swapped: Whether constants, and second summands, come first.
        subtract: Whether negative constants are subtracted.
        noise: Whether tensors are reshaped to and fro.
        transposed: Whether dense weights are stored as (labels, features).
        pooled: How the mean over the picture is written.
        old_pools: Whether maximum pools are of the first version.
    """

    form: Literal["NCHW", "NHWC", "pb"] = "NCHW"
    padding: Literal["name", "lines", "operation"] = "name"
    mean: Literal["graph", "contract"] = "graph"
    halves: bool = False
    arithmetic: bool = False
    swapped: bool = False
    subtract: bool = False
    noise: bool = False
    transposed: bool = False
    pooled: Literal["kept", "squeezed", "pool"] = "kept"
    old_pools: bool = False


PLAIN = Dialect()


def contract_of(network: Network, dialect: Dialect = PLAIN) -> InputContract:
    """Return what a network's graph must be fed."""
    mean = network.mean if dialect.mean == "contract" else (0.0, 0.0, 0.0)
    layout: Literal["NCHW", "NHWC"] = "NCHW" if dialect.form == "NCHW" else "NHWC"
    return InputContract(
        network.height, network.width, Preset.SAMPLE_STRETCH, layout=layout, mean=mean
    )


def run(graph: openvino.Model, *tensors: Array) -> list[Array]:
    """Run a graph as the engine does; return its outputs."""
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core().compile_model(graph, "CPU", hints).create_infer_request()
    request.infer(list(tensors))
    return [tensor.data.copy() for tensor in request.output_tensors]


def picture(network: Network, seed: int = 0) -> Array:
    """Return a random picture, float32 NHWC, 0 to 255."""
    shape = (1, network.height, network.width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32)


def fed(tensor: Array, contract: InputContract) -> Array:
    """Return what a contract makes of a picture: the mean taken off, in its layout."""
    tensor = tensor - np.array(contract.mean, np.float32)
    moved = tensor if contract.layout == "NHWC" else tensor.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(moved)


def flipped(values: Array, index: int = 0, bit: int = 0) -> Array:
    """Return float32 values with one bit of one of them flipped."""
    changed = np.ascontiguousarray(values, np.float32).copy()
    changed.reshape(-1).view(np.uint32)[index] ^= np.uint32(1 << bit)
    return changed


_CONVS = st.builds(
    Conv,
    # OpenVINO writes the transposition of a single channel as a reshape, and then moves it no more.
    channels=st.integers(2, 5),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    padding=st.one_of(st.sampled_from(["same", "valid"]), st.tuples(*[st.integers(0, 1)] * 4)),
    relu=st.booleans(),
    bias=st.booleans(),
    depthwise=st.booleans(),
).filter(
    # OpenVINO 2026.4 compiles these wrongly, in any form: it moves the stride before the padding.
    lambda conv: conv.kernel > 1 or conv.stride == 1 or conv.padding in {"same", "valid"}
)
_MIDDLE = st.one_of(
    _CONVS,
    st.builds(
        Pool,
        kind=st.sampled_from(["max", "average"]),
        kernel=st.integers(2, 3),
        stride=st.integers(1, 2),
        padding=st.sampled_from(["same", "valid"]),
    ),
    st.builds(Norm, epsilon=st.sampled_from([1e-5, 1e-3]), relu=st.booleans()),
    st.builds(Residual, kernel=st.integers(1, 3)),
    st.builds(Fork, kernel=st.integers(1, 3)),
)
_DENSE = st.builds(
    Dense, labels=st.integers(1, 4), activation=st.sampled_from(["softmax", "sigmoid", "none"])
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Draw a network: a convolution, a few more layers, and a dense head."""
    layers = [draw(_CONVS), *draw(st.lists(_MIDDLE, max_size=4)), Mean(), draw(_DENSE)]
    sides = st.integers(9, 14)
    seed = draw(st.integers(0, 99))
    return _fitting(Network(tuple(layers), draw(sides), draw(sides), seed=seed))


@st.composite
def families(draw: st.DrawFn) -> list[Network]:
    """Draw networks with the same weights up to some layer of each, where their own begin."""
    stem = draw(networks())
    layers = stem.layers[:-2]
    family = []
    for _ in range(draw(st.integers(2, 3))):
        common = layers[: draw(st.integers(1, len(layers)))]
        own = draw(st.lists(_MIDDLE, max_size=2))
        family.append(_fitting(replace(stem, layers=(*common, *own, Mean(), draw(_DENSE)))))
    return family


def dialects() -> st.SearchStrategy[Dialect]:
    """Draw a way to write a network."""
    return st.builds(
        Dialect,
        form=st.sampled_from(["NCHW", "pb"]),
        padding=st.sampled_from(["name", "lines", "operation"]),
        mean=st.sampled_from(["graph", "contract"]),
        halves=st.booleans(),
        arithmetic=st.booleans(),
        swapped=st.booleans(),
        subtract=st.booleans(),
        noise=st.booleans(),
        transposed=st.booleans(),
        pooled=st.sampled_from(["kept", "squeezed", "pool"]),
        old_pools=st.booleans(),
    )


def _fitting(network: Network) -> Network:
    """Return a network without the layers for which its pictures have become too small."""
    kept: list[Layer] = []
    sides = network.height, network.width
    for layer in network.layers:
        if isinstance(layer, Conv | Pool):
            after = tuple(windows(layer, length, axis) for axis, length in enumerate(sides))
            if min(after) < 1:
                continue
            sides = after
        kept.append(layer)
    return replace(network, layers=tuple(kept))


def windows(layer: Conv | Pool, length: int, axis: int) -> int:
    """Return how many windows of a layer fit into a length."""
    if layer.padding == "same":
        return -(-length // layer.stride)
    begin, end = lines(layer, length, axis)
    return (length + begin + end - reach(layer)) // layer.stride + 1


def lines(layer: Conv | Pool, length: int, axis: int) -> tuple[int, int]:
    """Return how many lines of padding a layer has before and behind, by axis: down, across."""
    if layer.padding == "same":
        last = (-(-length // layer.stride) - 1) * layer.stride
        total = max(0, last + reach(layer) - length)
        return total // 2, total - total // 2
    if layer.padding == "valid":
        return 0, 0
    return layer.padding[axis], layer.padding[axis + 2]


def reach(layer: Conv | Pool) -> int:
    """Return how many lines a window covers."""
    dilation = layer.dilation if isinstance(layer, Conv) else 1
    return (layer.kernel - 1) * dilation + 1
