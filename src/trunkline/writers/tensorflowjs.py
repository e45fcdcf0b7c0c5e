# SPDX-License-Identifier: Apache-2.0
"""TensorFlow.js graph models: ``model.json`` with the graph, ``weights.bin`` with its constants.

``model.json`` holds the nodes of the frozen graph as JSON, in protobuf's own mapping, and for each
constant its name, shape and type, in the order in which their values lie in ``weights.bin``,
little-endian and without gaps.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.writers.steps import steps_of
from trunkline.writers.tensorflow import SIDE, frozen, tensorflow

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from numpy.typing import NDArray

    from trunkline.models import Model
    from trunkline.writers.tensorflow import GraphDef

__all__ = ["write"]

_FILE, _WEIGHTS = "model.json", "weights.bin"
# Programs written for such models take the graph's one end for the answer.
_ANSWER = ("model_outputs",)


def write(model: Model, folder: Path) -> str:
    """Write a model as a graph model of TensorFlow.js.

    Args:
        model: One with a graph.
        folder: Where both files are written; it must exist.

    Returns:
        The name of the file with the graph.

    Raises:
        UnsupportedExportError: The model holds what TensorFlow has no words for.
        MissingExtraError: TensorFlow is not installed.
    """
    tf = tensorflow("Writing TensorFlow.js models")
    graph = frozen(steps_of(model), tf, _ANSWER, SIDE)
    weights = _take_weights(graph, tf)
    entries = [
        {"name": name, "shape": list(values.shape), "dtype": values.dtype.name}
        for name, values in weights.items()
    ]
    document = {
        "format": "graph-model",
        "generatedBy": "Trunkline",
        "modelTopology": _as_json(graph),
        "weightsManifest": [{"paths": [_WEIGHTS], "weights": entries}],
    }
    content = b"".join(
        values.astype(values.dtype.newbyteorder("<")).tobytes() for values in weights.values()
    )
    (folder / _WEIGHTS).write_bytes(content)
    (folder / _FILE).write_text(json.dumps(document, separators=(",", ":")), "utf-8")
    return _FILE


def _take_weights(graph: GraphDef, tf: ModuleType) -> dict[str, NDArray[np.generic]]:
    """Take the values out of a graph's constants, and return them by name."""
    weights = {}
    for node in graph.node:
        if node.op == "Const":
            tensor = node.attr["value"].tensor
            weights[node.name] = np.asarray(tf.make_ndarray(tensor))
            shape = tensor.tensor_shape
            node.attr["value"].tensor.CopyFrom(type(tensor)(dtype=tensor.dtype, tensor_shape=shape))
    return weights


def _as_json(graph: GraphDef) -> dict[str, Any]:
    from google.protobuf import json_format

    topology: dict[str, Any] = json_format.MessageToDict(graph)
    return topology
