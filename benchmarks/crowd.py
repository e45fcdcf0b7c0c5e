# SPDX-License-Identifier: Apache-2.0
"""Any number of exports on one real trunk, with heads made up from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trunkline.exports.messages import GraphDef

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trunkline.exports.messages import Message

__all__ = ["LABELS", "write_crowd"]

LABELS = range(2, 11)
"""How many labels a head has; each number is as likely as the others."""

_SEED = 3
_WEIGHTS, _BIAS = "fc/weights", "fc/biases"


def write_crowd(source: Path, folder: Path, count: int) -> None:
    """Write exports, each in a folder of its own with its labels.

    Args:
        source: A folder with a frozen classifier of 2018, whose trunk all get, bit for bit.
        folder: Where to write; it must exist and should be empty.
        count: How many. The first ones are the same whatever the number.
    """
    graph = GraphDef()
    graph.ParseFromString((source / "model.pb").read_bytes())
    constants = {node.name: node.attr["value"].tensor for node in graph.node if node.op == "Const"}
    weights, bias = constants[_WEIGHTS], constants[_BIAS]
    spread = float(np.frombuffer(weights.tensor_content, "<f4").std())
    features = weights.tensor_shape.dim[0].size
    random = np.random.default_rng(_SEED)
    for index in range(count):
        labels = int(random.choice(LABELS))
        _fill(weights, random.normal(0, spread, (features, labels)))
        _fill(bias, random.normal(0, spread, labels))
        export = folder / f"made-{index:04d}"
        export.mkdir()
        # Deterministic: by default the order of a node's attributes is left to chance.
        (export / "model.pb").write_bytes(graph.SerializeToString(deterministic=True))
        (export / "labels.txt").write_text("".join(f"label {i}\n" for i in range(labels)), "utf-8")


def _fill(tensor: Message, values: NDArray[np.float64]) -> None:
    del tensor.tensor_shape.dim[:]
    for length in values.shape:
        tensor.tensor_shape.dim.add(size=length)
    tensor.tensor_content = values.astype("<f4").tobytes()
