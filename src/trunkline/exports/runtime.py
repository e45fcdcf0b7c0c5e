# SPDX-License-Identifier: Apache-2.0
"""The one OpenVINO core of this process, and reading a graph through it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import openvino

from trunkline.errors import ExportError, UnsupportedExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["core", "read_graph"]

# How OpenVINO says, of TensorFlow and ONNX or of TensorFlow Lite, that it lacks an operation.
_LACKS = ("No conversion rule", "No translator found")

# OpenVINO makes its table of element types when it is first asked for one, and two threads that
# ask at once wait for one another for good: one holds the interpreter, the other the table.
openvino.Type.f32.to_dtype()


@functools.cache
def core() -> openvino.Core:
    """Return the process's OpenVINO core.

    Files are read, not mapped: a person may overwrite an export while its model runs, and the
    pages of a mapped file would change, or vanish, under it.
    """
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    return core


def read_graph(model: str | Path | bytes, source: str | Path) -> openvino.Model:
    """Read a graph in any format that OpenVINO itself understands.

    Args:
        model: A path, or the bytes of an ONNX model.
        source: What the person gave, for the message.

    Raises:
        ExportError: OpenVINO cannot read it.
        UnsupportedExportError: It has operations that OpenVINO does not know.
    """
    try:
        if isinstance(model, bytes):
            graph = core().read_model(model, b"")
        else:
            graph = core().read_model(str(model))
        _read_names(graph)
    except Exception as error:
        cause = _cause(error)
        if _is_lack(cause):
            raise UnsupportedExportError(
                source,
                "OpenVINO does not know some of its operations. Export it for another platform, "
                f"ONNX for one. ({cause})",
            ) from error
        raise ExportError(
            source,
            "OpenVINO cannot read this model; it is damaged, or not of the kind its name says. "
            f"Export it again. ({cause})",
        ) from error
    return graph


def _read_names(graph: openvino.Model) -> None:
    """Read every name once: a damaged one is not UTF-8, and would fail where it is needed."""
    for node in graph.get_ops():
        node.get_friendly_name()
        for port in node.outputs():
            port.get_names()


def _cause(error: Exception) -> str:
    """Return the line of OpenVINO's message that holds the cause, cut to a readable size."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if _is_lack(line)] or lines[-1:]
    return (telling[0] if telling else type(error).__name__)[:300]


def _is_lack(line: str) -> bool:
    return any(phrase in line for phrase in _LACKS)
