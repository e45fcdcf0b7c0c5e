# SPDX-License-Identifier: Apache-2.0
"""What a format's reader returns: the graph, and whatever the file itself says about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino

__all__ = ["Network"]


@dataclass(frozen=True, eq=False)
class Network:
    """A graph as read from a model file, before anything was decided about it.

    Attributes:
        graph: One picture in (any batch size the file allows), raw outputs out. Whatever the file
            does to its input itself, preprocessing sections included, is part of the graph.
        format: The format's name for a person: ``"ONNX opset 7"``, ``"Core ML"`` and so on.
        labels: The labels that the file itself holds, in output order; None where it holds none.
        metadata: What the file itself says about its input, by the keys the service uses
            (``Image.BitmapPixelFormat``, ``Image.NominalPixelRange``); often wrong.
        notes: What the reader had to mend or leave out, as clauses for ``trunkline inspect``.
    """

    graph: openvino.Model
    format: str
    labels: tuple[str, ...] | None = None
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
