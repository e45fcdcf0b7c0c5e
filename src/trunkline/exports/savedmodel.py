# SPDX-License-Identifier: Apache-2.0
"""TensorFlow SavedModel: a folder with ``saved_model.pb`` and ``variables/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.errors import ExportError
from trunkline.exports.network import Network
from trunkline.exports.runtime import read_graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read"]

# SavedModel's first field is its schema version, 1 (saved_model.proto): tag 0x08, value 0x01.
_FIRST_BYTES = b"\x08\x01"


def read(path: Path) -> Network:
    """Read the folder that holds ``saved_model.pb``.

    Raises:
        ExportError: The folder is incomplete or damaged.
    """
    with (path / "saved_model.pb").open("rb") as file:
        if file.read(2) != _FIRST_BYTES:
            raise ExportError(path, "its saved_model.pb is not a SavedModel. Export it again.")
    return Network(graph=read_graph(path, path), format="TensorFlow SavedModel")
