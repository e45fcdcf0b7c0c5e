# SPDX-License-Identifier: Apache-2.0
"""The trunk of a model that the user has already.

A model trained on it by us runs beside theirs at next to no cost, for the trunk runs once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import openvino

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.reading import read_models
from trunkline.graphs.merging import outline
from trunkline.graphs.rewriting import static_shape
from trunkline.trunks.identity import tensor_identity
from trunkline.trunks.joining import INPUT_NAME
from trunkline.trunks.trunk import Trunk

if TYPE_CHECKING:
    import os

    from trunkline.models import Model

__all__ = ["borrow"]

# From the first words of ``Model.format`` to platform and flavor as in the service's manifests.
# Longer beginnings come first.
_PLATFORMS: tuple[tuple[str, tuple[str, str | None]], ...] = (
    ("TensorFlow SavedModel", ("TensorFlow", "TensorFlowSavedModel")),
    ("TensorFlow Lite", ("TensorFlow", "TensorFlowLite")),
    ("TensorFlow.js", ("TensorFlow", "TensorFlowJs")),
    ("TensorFlow", ("TensorFlow", None)),
    ("Core ML", ("CoreML", None)),
    ("OpenVINO", ("OpenVino", None)),
    ("ONNX", ("ONNX", None)),
)


def borrow(path: str | os.PathLike[str]) -> Trunk:
    """Return the trunk of an export: its network without its last, dense layer.

    Args:
        path: A folder, zip or file with one model, as ``trunkline.load`` takes it.

    Returns:
        The trunk, named after the path. It is fed NHWC, as the normal form is; models trained on
        it are written in the export's own format by default.

    Raises:
        ExportError: It cannot be read, or holds not one model.
        UnsupportedExportError: It is a detector, or does not end in a dense layer.
    """
    model = _only_model(path)
    if model.task == "detection":
        raise UnsupportedExportError(
            model.source,
            "it is a detector, whose last layers answer for every place of the picture, and a "
            "trunk for classifiers is wanted. Take a classifier.",
        )
    return _cut(model, str(path))


def _only_model(path: str | os.PathLike[str]) -> Model:
    found = list(read_models(path))
    models = [each for each in found if not isinstance(each, ExportError)]
    if not models:
        raise next(
            (each for each in found if isinstance(each, ExportError)),
            ExportError(str(path), "it holds no model."),
        )
    if len(models) > 1:
        raise ExportError(
            str(path), f"it holds {len(models)} models, and a trunk comes from one. Name one."
        )
    return models[0]


def _cut(model: Model, name: str) -> Trunk:
    if model.graph is None:
        raise ExportError(model.source, "its network is part of a model set. Name its export.")
    network = outline(model.graph, model.contract)
    if network.head is None or network.features is None:
        raise UnsupportedExportError(
            model.source,
            "its network does not end in one dense layer, so there is no last layer to take off. "
            "Take a classifier that was trained by transfer learning.",
        )
    features, parameters = network.head.features, network.graph.get_parameters()
    parameters[0].output(0).set_names({INPUT_NAME})
    parameters[0].set_friendly_name(INPUT_NAME)
    graph = openvino.Model([features], parameters, model.name)
    platform, flavor = _platform(model.format)
    return Trunk(
        name,
        graph,
        network.contract,
        static_shape(features)[1],
        tensor_identity(network.features),
        platform,
        flavor,
    )


def _platform(form: str) -> tuple[str, str | None]:
    return next((target for begin, target in _PLATFORMS if form.startswith(begin)), ("ONNX", None))
