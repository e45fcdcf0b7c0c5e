# SPDX-License-Identifier: Apache-2.0
"""Weights that an ONNX model keeps in files of their own.

The file of a model can come from anywhere, so the names in it are taken as hostile: nothing is
read but plain files in the model's own folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from trunkline.errors import ExportError
from trunkline.exports.onnx_walk import walk

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_external_data"]


def load_external_data(model: onnx.ModelProto, path: Path) -> None:
    """Bring every tensor that lies in a file of its own into the model.

    Args:
        model: The model; its tensors are changed in place.
        path: The model's file, in whose folder the others must be.

    Raises:
        ExportError: A file is missing, too short, or outside the folder.
    """
    for tensor in walk(model, onnx.TensorProto):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            tensor.raw_data = _read(tensor, path)
            tensor.ClearField("external_data")
            tensor.data_location = onnx.TensorProto.DEFAULT


def _read(tensor: onnx.TensorProto, path: Path) -> bytes:
    place = {entry.key: entry.value for entry in tensor.external_data}
    location = place.get("location", "")
    offset, length = int(place.get("offset", 0)), int(place.get("length", -1))
    with _inside(path, location).open("rb") as file:
        file.seek(offset)
        data = file.read(length)
    if len(data) < length:
        raise ExportError(
            path, f"the file {location} is too short for its weights. Copy it again, whole."
        )
    return data


def _inside(path: Path, location: str) -> Path:
    """Return the file that a location names, once it is sure that it lies in the model's folder."""
    folder = path.parent.resolve()
    try:
        file = (folder / location).resolve()
        there = file.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL in it, a ring of links
        raise ExportError(path, f"its weights cannot be at {location[:99]!r}.") from error
    if not file.is_relative_to(folder):
        raise ExportError(
            path,
            f"its weights are said to be in {location}, outside the model's folder, where "
            "Trunkline reads nothing. Put them beside the model and save it again.",
        )
    if not there:
        raise ExportError(
            path, f"its weights are in the file {location!r}, which is missing. Put it there."
        )
    return file
