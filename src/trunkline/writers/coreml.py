# SPDX-License-Identifier: Apache-2.0
"""Writing Core ML: an ``.mlmodel`` with a neural network of specification 1 to 4.

Its names are those of the service's exports: a picture ``data``, the probabilities ``loss`` and
the best label ``classLabel``. A mean that is subtracted first is the picture's preprocessing.
Source: Apple's Core ML format reference, ``Model.proto`` and ``NeuralNetwork.proto``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.errors import MissingExtraError
from trunkline.writers.channels_first import classifier_steps
from trunkline.writers.coreml_layers import Layers

if TYPE_CHECKING:
    from trunkline.models import Model
    from trunkline.writers.steps import Step, Steps

__all__ = ["INPUT", "OUTPUT", "write"]

INPUT, OUTPUT, _BEST = "data", "loss", "classLabel"


def write(model: Model, folder: Path, *, float16: bool = False) -> str:
    """Write a classifier as ``model.mlmodel``.

    Args:
        model: A model with its graph.
        folder: Where to write; it exists.
        float16: Whether to store weights in half the bytes.

    Returns:
        The name of the model file.

    Raises:
        UnsupportedExportError: It is a detector, or an operation is beyond these specifications.
        MissingExtraError: coremltools is not installed.
    """
    steps = classifier_steps(model, "Core ML", input_name=INPUT, output_name=OUTPUT)
    spec = _new_model()
    steps = _describe(spec, steps)
    network = spec.neuralNetworkClassifier
    layers = Layers(network, steps, float16=float16)
    layers.add_all()
    spec.specificationVersion = layers.version
    network.stringClassLabels.vector.extend(model.labels)
    network.labelProbabilityLayerName = OUTPUT
    (folder / "model.mlmodel").write_bytes(spec.SerializeToString(deterministic=True))
    return "model.mlmodel"


def _new_model() -> Any:  # noqa: ANN401 - a class made at run time
    """Return an empty ``Model`` of coremltools' own messages.

    Importing coremltools imports every framework that it converts from, which takes seconds and
    warns of their versions. Its messages need none of that, so only they are imported.
    """
    package = "trunkline_coremltools_proto"
    found = importlib.util.find_spec("coremltools")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("Writing Core ML models", package="coremltools", extra="export")
    if package not in sys.modules:
        messages = ModuleType(package)
        messages.__path__ = [str(Path(found.submodule_search_locations[0], "proto"))]
        sys.modules[package] = messages
    return importlib.import_module(f"{package}.Model_pb2").Model()


def _describe(spec: Any, steps: Steps) -> Steps:  # noqa: ANN401 - a class made at run time
    """Describe input and outputs; return the steps that preprocessing leaves."""
    height, width = steps.shape[2:]
    picture = spec.description.input.add(name=INPUT)
    image = picture.type.imageType
    image.width, image.height = width, height
    image.colorSpace = image.ColorSpace.Value(steps.contract.order)
    spec.description.output.add(name=OUTPUT).type.dictionaryType.stringKeyType.SetInParent()
    spec.description.output.add(name=_BEST).type.stringType.SetInParent()
    spec.description.predictedFeatureName = _BEST
    spec.description.predictedProbabilitiesName = OUTPUT
    spec.description.metadata.shortDescription = "An image classifier, written by Trunkline"
    preprocessing = spec.neuralNetworkClassifier.preprocessing.add(featureName=INPUT)
    preprocessing.scaler.channelScale = 1
    return _with_biases(preprocessing.scaler, steps)


def _with_biases(scaler: Any, steps: Steps) -> Steps:  # noqa: ANN401 - a class made at run time
    """Let the scaler do what the first step does, where that only adds a number per channel."""
    first = steps.steps[0]
    users = [step for step in steps.steps if _takes(step, INPUT)]
    biases = first.inputs[1] if first.kind == "Add" and users == [first] else None
    if not isinstance(biases, np.ndarray) or biases.size != 3:
        return steps
    colours = (
        ("blue", "green", "red") if steps.contract.order == "BGR" else ("red", "green", "blue")
    )
    for colour, bias in zip(colours, biases.reshape(-1).tolist(), strict=True):
        setattr(scaler, f"{colour}Bias", bias)
    rest = tuple(_taking_picture(step, first.name) for step in steps.steps[1:])
    return replace(steps, steps=rest)


def _takes(step: Step, name: str) -> bool:
    return any(isinstance(each, str) and each == name for each in step.inputs)


def _taking_picture(step: Step, name: str) -> Step:
    """Return a step that takes the picture wherever it took another value."""
    inputs = (INPUT if isinstance(each, str) and each == name else each for each in step.inputs)
    return replace(step, inputs=tuple(inputs))
