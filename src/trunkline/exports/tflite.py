# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite: flatbuffers, float32 or float16, as the service and its containers hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.errors import ExportError
from trunkline.exports import tflite_check
from trunkline.exports.network import Network
from trunkline.exports.runtime import read_graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read"]

# The file identifier of the TensorFlow Lite schema (schema.fbs: file_identifier "TFL3").
_IDENTIFIER = slice(4, 8)


def read(path: Path, content: bytes | None = None) -> Network:
    """Read a ``.tflite`` file.

    Args:
        path: The file.
        content: Its bytes, where they have been read already.

    Raises:
        ExportError: The file is not TensorFlow Lite, or damaged.
    """
    data = path.read_bytes() if content is None else content
    if data[_IDENTIFIER] != b"TFL3":
        raise ExportError(path, "this is not a TensorFlow Lite model. Export it again.")
    tflite_check.check(data, path)
    return Network(graph=read_graph(path, path), format="TensorFlow Lite")
