# SPDX-License-Identifier: Apache-2.0
"""Exports on a real trunk, each with a head of its own, as other projects would have."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.exports.messages import GraphDef

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_head"]

_FEATURES, _LABELS, _FLOAT = 512, 2, 1


def write_head(shared: Path, folder: Path, *, labels: int, seed: int) -> Path:
    """Write the export of a project on the trunk of a real one; return its folder.

    All that are written so are the same, byte for byte, but for the two constants of the head.
    """
    graph = _graph(shared / "models" / "fruit-2" / "model.pb")
    rng = np.random.default_rng(seed)
    _fill(graph, [_FEATURES, _LABELS], rng.normal(0, 0.05, (_FEATURES, labels)))
    _fill(graph, [_LABELS], rng.normal(0, 1, labels))
    folder.mkdir(parents=True)
    # Deterministic: by default the order of a node's attributes is left to chance.
    (folder / "model.pb").write_bytes(graph.SerializeToString(deterministic=True))
    text = "".join(f"label {index}\n" for index in range(labels))
    (folder / "labels.txt").write_text(text, "utf-8")
    return folder


def _graph(source: Path) -> Any:
    graph = GraphDef()
    graph.ParseFromString(_bytes(source))
    return graph


@functools.cache
def _bytes(source: Path) -> bytes:
    return source.read_bytes()


def _fill(graph: Any, shape: list[int], values: np.ndarray) -> None:
    constants = [node.attr["value"].tensor for node in graph.node if node.op == "Const"]
    (tensor,) = (each for each in constants if each.dtype == _FLOAT and _shape(each) == shape)
    del tensor.tensor_shape.dim[:]
    for length in values.shape:
        tensor.tensor_shape.dim.add(size=length)
    tensor.ClearField("float_val")
    tensor.tensor_content = values.astype("<f4").tobytes()


def _shape(tensor: Any) -> list[int]:
    return [dimension.size for dimension in tensor.tensor_shape.dim]
