# SPDX-License-Identifier: Apache-2.0
"""TensorFlow.js graph models: a ``model.json`` and the weight shards beside it.

``model.json`` holds a TensorFlow ``GraphDef`` as JSON, without the values of its constants. They
are put back, operations that only TensorFlow.js knows are taken apart, and OpenVINO reads the
resulting frozen graph.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from google.protobuf import json_format

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.messages import GraphDef, Message
from trunkline.exports.network import Network
from trunkline.exports.runtime import read_graph
from trunkline.exports.tensorflowjs_fusions import unfuse
from trunkline.exports.tensorflowjs_weights import read_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["read"]

_DATA_TYPES = GraphDef.DESCRIPTOR.file.enum_types_by_name["DataType"].values_by_number
# By TensorFlow's DataType: how a constant's values lie in ``tensor_content``.
_DTYPES: dict[str, type[np.generic]] = {
    "DT_FLOAT": np.float32,
    "DT_DOUBLE": np.float64,
    "DT_INT32": np.int32,
    "DT_INT64": np.int64,
    "DT_BOOL": np.bool_,
    "DT_HALF": np.float16,
}
_DESCRIPTION = {"dtype", "tensor_shape"}  # the fields of a TensorProto that hold no values


def read(path: Path) -> Network:
    """Read the graph model whose ``model.json`` is at a path.

    The outputs are those of the signature in the order it has them, or else the graph's ends.
    ``metadata`` holds what the file's ``userDefinedMetadata`` states in words.

    Raises:
        UnsupportedExportError: It is a Keras layers model, or holds operations or types of weights
            that Trunkline cannot run.
        ExportError: A file is missing, damaged, or does not belong to the others.
    """
    document = _document(path)
    graph = unfuse(_graph_def(document, path), path)
    _fill_constants(graph, read_weights(document, path), path)
    custom = document.get("userDefinedMetadata")
    custom = custom if isinstance(custom, dict) else {}
    names = _signature_outputs(document) or _signature_outputs(custom)
    return Network(
        graph=_with_outputs(_frozen(graph, path), names, path),
        format="TensorFlow.js",
        metadata=MappingProxyType({k: v for k, v in custom.items() if isinstance(v, str)}),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ExportError(path, f"this is not a TensorFlow.js model.json ({error}).") from error
    if not isinstance(document, dict) or not isinstance(document.get("modelTopology"), dict):
        raise ExportError(path, "this is not a TensorFlow.js model.json (no modelTopology in it).")
    if document.get("format") == "layers-model" or "model_config" in document["modelTopology"]:
        raise UnsupportedExportError(
            path,
            "this is a Keras layers model; Trunkline reads graph models. Convert it with "
            "tensorflowjs_converter --output_format=tfjs_graph_model.",
        )
    return document


def _graph_def(document: dict[str, Any], path: Path) -> Message:
    try:
        graph = json_format.ParseDict(
            document["modelTopology"], GraphDef(), ignore_unknown_fields=True
        )
    except Exception as error:
        raise ExportError(path, f"its modelTopology is damaged ({error}).") from error
    if not graph.node:
        raise ExportError(path, "its modelTopology holds no nodes. Export the model again.")
    return graph


def _fill_constants(graph: Message, weights: Mapping[str, NDArray[np.generic]], path: Path) -> None:
    """Give each constant of the graph its values."""
    constants = {node.name: node for node in graph.node if node.op == "Const"}
    strangers = sorted(weights.keys() - constants.keys())
    if strangers:
        raise ExportError(
            path,
            f"its weights {strangers[0]!r} belong to no constant of the graph; model.json was put "
            "together from two models. Export it again.",
        )
    for name, node in constants.items():
        if name in weights:
            _set_value(node, weights[name], path)
        elif not _has_value(node.attr["value"].tensor):
            raise ExportError(path, f"its constant {name!r} has no weights. Export it again.")


def _set_value(node: Message, values: NDArray[np.generic], path: Path) -> None:
    tensor, number = node.attr["value"].tensor, node.attr["dtype"].type
    kind = _DATA_TYPES[number].name if number in _DATA_TYPES else str(number)
    if kind not in _DTYPES:
        raise UnsupportedExportError(
            path, f"its constant {node.name!r} is of type {kind}, which Trunkline cannot read."
        )
    declared = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if declared != values.shape:
        raise ExportError(
            path,
            f"its weights {node.name!r} have the shape {values.shape} where the graph has "
            f"{declared}; model.json was put together from two models. Export it again.",
        )
    tensor.dtype = number
    tensor.tensor_content = values.astype(_DTYPES[kind]).tobytes()


def _has_value(tensor: Message) -> bool:
    """Whether a constant brings its values itself, or has none to bring."""
    stated = {field.name for field, _ in tensor.ListFields()}
    return bool(stated - _DESCRIPTION) or any(dim.size == 0 for dim in tensor.tensor_shape.dim)


def _frozen(graph: Message, path: Path) -> openvino.Model:
    # OpenVINO takes TensorFlow graphs from files only.
    with tempfile.TemporaryDirectory(prefix="trunkline-") as folder:
        file = Path(folder, "graph.pb")
        file.write_bytes(graph.SerializeToString())
        return read_graph(file, path)


def _signature_outputs(holder: dict[str, Any]) -> list[str]:
    """Return the tensors that a ``signature`` calls outputs, in its order; none without one."""
    signature = holder.get("signature")
    outputs = signature.get("outputs") if isinstance(signature, dict) else None
    if not isinstance(outputs, dict):
        return []
    names = (
        str(entry.get("name", key)) if isinstance(entry, dict) else key
        for key, entry in outputs.items()
    )
    return [name if ":" in name else f"{name}:0" for name in names]


def _with_outputs(graph: openvino.Model, names: list[str], path: Path) -> openvino.Model:
    """Return the graph with the named tensors as its outputs; without names, as it is."""
    if not names:
        return graph
    tensors = {
        name: output
        for op in graph.get_ops()
        if op.get_type_name() != "Result"
        for output in op.outputs()
        for name in output.get_names()
    }
    missing = [name for name in names if name not in tensors]
    if missing:
        raise ExportError(path, f"no node of its graph makes its output {missing[0]!r}.")
    return openvino.Model([tensors[name] for name in names], graph.get_parameters())
