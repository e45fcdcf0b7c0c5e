# SPDX-License-Identifier: Apache-2.0
"""The head of a Core ML classifier: its last inner product, and its class labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.exports.coreml import class_labels
from trunkline.exports.messages import CoreMLModel
from trunkline.exports.template_parts import HeadConstants, Places, Step, Taken, locate, take
from trunkline.exports.template_wire import cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_head", "take_apart"]

_KIND, _KIND_NUMBER = "neuralNetworkClassifier", 403
_WEIGHTS, _BIAS = "/weights", "/bias"


def find_head(parts: tuple[bytes, ...], head: HeadConstants) -> Places | None:
    """Find a dense head in a Core ML classifier."""
    model = CoreMLModel.FromString(parts[0])
    network = model.neuralNetworkClassifier
    layers = [layer for layer in network.layers if _is_product(layer)]
    names = [layer.name for layer in network.layers]
    if model.WhichOneof("Type") != _KIND or len(set(names)) < len(names):
        return None
    constants: list[tuple[str, NDArray[np.generic]]] = []
    for layer in layers:
        found = _constants(layer.innerProduct, *head.weights.shape)
        if found is not None:
            constants += zip(_named(layer), found, strict=True)
    steps = [_step(layer) for layer in network.layers]
    taken = {name for step in steps for name in step.takes}
    made = {name for step in steps for name in step.gives}
    return locate(constants, steps, made - taken, head)


def take_apart(parts: tuple[bytes, ...], places: Places) -> Taken | None:
    """Take the constants of the inner product and the labels out of a Core ML classifier."""
    name = places.bias.removesuffix(_BIAS)
    file = cut(parts[0], _KIND_NUMBER, [name])
    model = CoreMLModel.FromString(file.outer)
    if model.WhichOneof("Type") is not None:
        return None
    network = model.neuralNetworkClassifier
    network.MergeFromString(file.inner)
    for layer in network.layers:
        if _is_product(layer) and _named(layer) == (places.weights, places.bias):
            params = layer.innerProduct
            found = _constants(params, params.inputChannels, params.outputChannels)
            if found is None:
                return None
            labels = class_labels(network)
            _empty(params, network)
            rest = [model.SerializeToString(deterministic=True), *file.large]
            return take(*found, places, labels, rest)
    return None


def _is_product(layer: Any) -> bool:  # noqa: ANN401 - a class made at run time
    return bool(layer.WhichOneof("layer") == "innerProduct" and layer.innerProduct.hasBias)


def _named(layer: Any) -> tuple[str, str]:  # noqa: ANN401 - a class made at run time
    """Return what the two constants of a layer are called here; in the file they have no names."""
    return f"{layer.name}{_WEIGHTS}", f"{layer.name}{_BIAS}"


def _step(layer: Any) -> Step:  # noqa: ANN401 - a class made at run time
    own = _named(layer) if _is_product(layer) else ()
    return Step(layer.WhichOneof("layer") or "", (*layer.input, *own), tuple(layer.output))


def _constants(
    params: Any,  # noqa: ANN401 - a class made at run time
    features: int,
    labels: int,
) -> tuple[NDArray[np.generic], NDArray[np.generic]] | None:
    if (params.inputChannels, params.outputChannels) != (features, labels):
        return None
    weights, bias = _values(params.weights), _values(params.bias)
    if weights is None or bias is None or weights.size != features * labels:
        return None
    return weights.reshape(labels, features), bias


def _values(weights: Any) -> NDArray[np.generic] | None:  # noqa: ANN401 - a class made at run time
    if weights.float16Value and not weights.floatValue:
        return np.frombuffer(weights.float16Value, "<f2")
    return None if weights.float16Value else np.array(weights.floatValue, np.float32)


def _empty(params: Any, network: Any) -> None:  # noqa: ANN401 - classes made at run time
    """Clear a head; whatever else its messages say stays, quantisation for one."""
    params.ClearField("outputChannels")
    for weights in (params.weights, params.bias):
        weights.ClearField("floatValue")
        weights.ClearField("float16Value")
    kind = network.WhichOneof("ClassLabels")
    if kind:
        getattr(network, kind).ClearField("vector")
