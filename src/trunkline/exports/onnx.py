# SPDX-License-Identifier: Apache-2.0
"""ONNX, from the service's first exports (opset 1, 2017) to anything written today."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import onnx
from onnx import inliner

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.network import Network
from trunkline.exports.onnx_check import check
from trunkline.exports.onnx_external import load_external_data
from trunkline.exports.onnx_labels import cut_label_lookup
from trunkline.exports.onnx_opset1 import FIRST_KEPT_OPSET, upgrade
from trunkline.exports.onnx_walk import drop_unused
from trunkline.exports.runtime import read_graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read"]


def read(path: Path, content: bytes | None = None) -> Network:
    """Read an ``.onnx`` file, and the files of external data beside it if it names any.

    A label lookup at the end of the graph (``ZipMap``) is cut off: the probabilities that it
    takes become the output, under its name, and its labels those of the network. Operations
    older than opset 7 are written anew as those of opset 7. Every constant keeps its bits.

    Args:
        path: The file.
        content: Its bytes, where they have been read already.

    Returns:
        A graph with one input, channels first, and every output that the file declares.

    Raises:
        ExportError: The file is not ONNX, or damaged, or its external data is missing or lies
            outside its folder.
        UnsupportedExportError: It has several inputs, or holds an operation that is unknown, or
            one older than opset 7 that the service never wrote.
    """
    model = _parse(path, content)
    try:
        return _network(model, path)
    except ExportError:
        raise
    except Exception as error:
        # Names, types and attributes that nobody checked: what they break is not to be foreseen.
        cause = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        problem = f"this ONNX model is damaged. Export it again. ({cause})"
        raise ExportError(path, problem) from error


def _parse(path: Path, content: bytes | None) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes() if content is None else content)
    except OSError as error:
        raise ExportError(path, f"it cannot be read: {error.strerror}.") from error
    except Exception as error:
        problem = "this is not an ONNX model, or it is damaged. Export it again."
        raise ExportError(path, problem) from error
    # To protobuf an empty file, and many a short one, is a message in which nothing is set.
    if not model.graph.node:
        raise ExportError(path, "this ONNX model holds no graph. Export it again.")
    return model


def _network(model: onnx.ModelProto, path: Path) -> Network:
    opset = _opset(model)
    load_external_data(model, path)
    notes = []
    labels = cut_label_lookup(model.graph, path)
    if labels is not None:
        notes.append("the label lookup at its end was cut off, and its labels were kept")
    drop_unused(model.graph)
    if 0 < opset < FIRST_KEPT_OPSET:
        upgrade(model, opset, path)
        notes.append(f"its operations were brought from opset {opset} to {FIRST_KEPT_OPSET}")
    if model.functions:
        model = inliner.inline_local_functions(model)
    check(model, path)
    _check_inputs(model.graph, path)
    return Network(
        graph=read_graph(model.SerializeToString(), path),
        format=f"ONNX opset {opset}",
        labels=labels,
        metadata=MappingProxyType({p.key: p.value for p in model.metadata_props}),
        notes=tuple(notes),
    )


def _opset(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operations; models older than the field itself have 1."""
    versions = [o.version for o in model.opset_import if o.domain in {"", "ai.onnx"}]
    return max(versions, default=1)


def _check_inputs(graph: onnx.GraphProto, path: Path) -> None:
    # Up to IR version 3 every weight had to be listed among the inputs too.
    weights = {tensor.name for tensor in graph.initializer}
    names = [i.name for i in graph.input if i.name not in weights]
    if not names:
        raise ExportError(path, "this ONNX model has no input for a picture. Export it again.")
    if len(names) > 1:
        raise UnsupportedExportError(
            path,
            f"it has {len(names)} inputs ({', '.join(names)}), and Trunkline runs models that "
            "take one picture and nothing else.",
        )
