# SPDX-License-Identifier: Apache-2.0
"""Core ML models: ``.mlmodel`` files that hold a neural network.

The network is rebuilt from OpenVINO operations, layer by layer, in the file's own layout (NCHW).
Source: Apple's Core ML format reference, ``Model.proto`` and ``NeuralNetwork.proto``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import openvino
from openvino import opset13 as ops

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.coreml_input import build_input
from trunkline.exports.coreml_layers import UnsupportedLayerError, build_layer
from trunkline.exports.messages import CoreMLModel, Message
from trunkline.exports.network import Network

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["class_labels", "read"]

_NETWORKS = ("neuralNetworkClassifier", "neuralNetworkRegressor", "neuralNetwork")
_OTHERWISE = "Export the model in another format, such as ONNX or TensorFlow."


def read(path: Path, content: bytes | None = None) -> Network:
    """Read an ``.mlmodel`` whose model is a neural network, or one with suppression after it.

    The graph takes float32 of shape (any, channels, height, width): raw pixels, 0 to 255, in the
    order that the file states and ``metadata`` repeats. A classifier's output has the shape (any,
    labels); other outputs keep the file's layout, (any, channels, height, width) where they have
    rows and columns. The constants have the very bits of the file; weights that it stores as
    float16 stay float16 and are converted in the graph.

    Args:
        path: The file.
        content: Its bytes, where they have been read already.

    Raises:
        UnsupportedExportError: It is an ``.mlpackage``, holds no neural network, several inputs,
            quantised weights, or a layer that Trunkline does not know.
        ExportError: It is damaged, or not a Core ML model.
    """
    model, notes = _neural_network(_parse(path, content), path)
    kind = model.WhichOneof("Type")
    network = getattr(model, kind)
    picture = build_input(model.description, network.preprocessing, path)
    blobs = {picture.name: picture.prepared}
    for layer in network.layers:
        blobs |= _build(layer, blobs, path)
    if kind == "neuralNetworkClassifier":
        name = _probabilities(network, blobs, path)
        outputs = {name: _as_vector(blobs[name])}
    else:
        outputs = {name: blobs[name] for name in _stated_outputs(model.description, blobs, path)}
    return Network(
        graph=_graph(picture.parameter, outputs),
        format="Core ML",
        labels=class_labels(network) if kind == "neuralNetworkClassifier" else None,
        metadata=MappingProxyType(picture.metadata),
        notes=notes,
    )


def _parse(path: Path, content: bytes | None) -> Message:
    if path.is_dir():
        raise UnsupportedExportError(
            path, f"an .mlpackage holds an ML program, which Trunkline cannot read. {_OTHERWISE}"
        )
    try:
        model = CoreMLModel.FromString(path.read_bytes() if content is None else content)
    except Exception as error:
        raise ExportError(
            path, "this is not a Core ML model, or it was cut short. Export it again."
        ) from error
    if model.specificationVersion < 1 or model.WhichOneof("Type") is None:
        raise ExportError(
            path, "this is not a Core ML model, or no model is left in it. Export it again."
        )
    return model


def _neural_network(model: Message, path: Path) -> tuple[Message, tuple[str, ...]]:
    """Return the model that holds the neural network, and notes on what was around it."""
    kind = model.WhichOneof("Type")
    if kind in _NETWORKS:
        return model, ()
    steps = [step.WhichOneof("Type") for step in model.pipeline.models]
    if kind != "pipeline" or steps != ["neuralNetwork", "nonMaximumSuppression"]:
        what = f"{kind} of {', '.join(map(str, steps))}" if steps else kind
        raise UnsupportedExportError(
            path, f"it holds a model of type {what}, not a neural network. {_OTHERWISE}"
        )
    return model.pipeline.models[0], (
        "the suppression of overlapping boxes that follows the network was left out",
    )


def _build(
    layer: Message, blobs: dict[str, openvino.Output], path: Path
) -> dict[str, openvino.Output]:
    """Build one layer on the blobs it takes; return the blob it makes, by name."""
    what = f"layer {layer.name!r} of type {layer.WhichOneof('layer')}"
    missing = [name for name in layer.input if name not in blobs]
    if missing or not layer.output:
        lacking = f"input {missing[0]!r}, which no layer before it makes" if missing else "output"
        raise ExportError(path, f"its {what} lacks its {lacking}. Export the model again.")
    if layer.output[0] in blobs:
        raise ExportError(path, f"its {what} makes {layer.output[0]!r}, which is there already.")
    try:
        output = build_layer(layer, [blobs[name] for name in layer.input])
    except UnsupportedLayerError as error:
        raise UnsupportedExportError(path, f"its {what} {error}. {_OTHERWISE}") from error
    except Exception as error:
        cause = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise ExportError(
            path, f"its {what} does not fit the layers before it; it is damaged. ({cause[0][:300]})"
        ) from error
    output.get_node().set_friendly_name(layer.name)
    output.get_tensor().add_names({layer.output[0]})
    return {layer.output[0]: output}


def _probabilities(network: Message, blobs: dict[str, openvino.Output], path: Path) -> str:
    """Return the name of the blob that holds a classifier's probabilities."""
    stated = network.labelProbabilityLayerName
    by_layer = {layer.name: layer.output[0] for layer in network.layers}
    if stated in blobs or stated in by_layer:
        return str(stated if stated in blobs else by_layer[stated])
    if stated or not network.layers:
        raise ExportError(path, f"no layer makes its probabilities ({stated!r}). Export it again.")
    return str(network.layers[-1].output[0])


def _stated_outputs(
    description: Message, blobs: dict[str, openvino.Output], path: Path
) -> list[str]:
    names = [feature.name for feature in description.output]
    missing = [name for name in names if name not in blobs]
    if missing or not names:
        raise ExportError(path, f"no layer makes its output {missing!r}. Export it again.")
    return names


def _as_vector(output: openvino.Output) -> openvino.Output:
    """Return a classifier's probabilities as (any, labels), where the file keeps (.., 1, 1)."""
    if len(output.get_partial_shape()) == 2:
        return output
    return ops.reshape(output, [0, -1], special_zero=True).output(0)


def _graph(parameter: openvino.op.Parameter, outputs: dict[str, openvino.Output]) -> openvino.Model:
    for name, output in outputs.items():
        output.get_tensor().add_names({name})
    return openvino.Model([ops.result(output) for output in outputs.values()], [parameter])


def class_labels(network: Message) -> tuple[str, ...] | None:
    """Return the labels that a ``NeuralNetworkClassifier`` names; None where it names none."""
    kind = network.WhichOneof("ClassLabels")
    return tuple(str(label) for label in getattr(network, kind).vector) if kind else None
