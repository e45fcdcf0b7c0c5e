# SPDX-License-Identifier: Apache-2.0
"""TensorFlow frozen graphs: a ``.pb`` with the weights as constants in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import tensorflow_check
from trunkline.exports.messages import GraphDef
from trunkline.exports.network import Network
from trunkline.exports.runtime import read_graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read"]

_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})


def read(path: Path, content: bytes | None = None) -> Network:
    """Read a frozen graph.

    Args:
        path: The file.
        content: Its bytes, where they have been read already.

    Raises:
        ExportError: The file is no TensorFlow graph, or damaged.
        UnsupportedExportError: It is a graph whose weights are elsewhere.
    """
    _check(path, path.read_bytes() if content is None else content)
    return Network(graph=read_graph(path, path), format="TensorFlow")


def _check(path: Path, content: bytes) -> None:
    """Refuse what is no frozen graph, before OpenVINO tries every other format on it aloud."""
    try:
        graph = GraphDef.FromString(content)
    except DecodeError as error:
        raise ExportError(
            path, "this is not a TensorFlow graph, or only a part of one. Export it again."
        ) from error
    operations = {node.op for node in graph.node}
    if not operations:
        raise ExportError(path, "this holds no TensorFlow graph. Export it again.")
    if operations & _VARIABLES:
        raise UnsupportedExportError(
            path,
            "its weights are variables kept in other files. Freeze the graph, or export it "
            "as a SavedModel.",
        )
    tensorflow_check.check(graph, path)
