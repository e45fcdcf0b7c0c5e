# SPDX-License-Identifier: Apache-2.0
"""TensorFlow SavedModel: a folder with ``saved_model.pb`` and ``variables/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from trunkline.errors import ExportError
from trunkline.exports import savedmodel_variables, tensorflow_check
from trunkline.exports.messages import SavedModel
from trunkline.exports.network import Network
from trunkline.exports.runtime import read_graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read"]

_DAMAGED = "its saved_model.pb is not a SavedModel, or only a part of one. Export it again."


def read(path: Path) -> Network:
    """Read the folder that holds ``saved_model.pb``.

    Raises:
        ExportError: The folder is incomplete or damaged.
    """
    try:
        model = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise ExportError(path, _DAMAGED) from error
    if not model.meta_graphs:
        raise ExportError(path, _DAMAGED)
    for meta_graph in model.meta_graphs:
        tensorflow_check.check(meta_graph.graph_def, path)
    savedmodel_variables.check(path / "variables", path)
    return Network(graph=read_graph(path, path), format="TensorFlow SavedModel")
