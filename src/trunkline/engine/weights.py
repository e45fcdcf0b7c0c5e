# SPDX-License-Identifier: Apache-2.0
"""Constants that several graphs have in common, held once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from trunkline.graphs.rewriting import constant_of

if TYPE_CHECKING:
    from collections.abc import Collection

    import openvino
    from numpy.typing import NDArray

__all__ = ["Weights", "hold_once"]

Weights = Mapping[bytes, "openvino.Output"]
"""The constants of a graph, by a hash over type, shape and bytes."""


def hold_once(graph: openvino.Model, held: Collection[Weights]) -> Weights:
    """Let a graph use the constants of other graphs where they are the same, and free its own.

    Networks on one trunk are kept whole, for a later one may make it necessary to cut them in
    another place; without this each would hold the trunk.

    Args:
        graph: Changed in place; its values stay what they are.
        held: The constants of the other graphs.

    Returns:
        The graph's constants.
    """
    own: dict[bytes, openvino.Output] = {}
    for node in graph.get_ordered_ops():
        values = constant_of(node.output(0)) if node.get_output_size() else None
        if values is None:
            continue
        key = _digest(values)
        kept = next((weights[key] for weights in (own, *held) if key in weights), None)
        if kept is not None:
            for user in list(node.output(0).get_target_inputs()):
                user.replace_source_output(kept)
        own[key] = node.output(0) if kept is None else kept
    return own


def _digest(values: NDArray[np.generic]) -> bytes:
    digest = hashlib.blake2b(f"{values.dtype} {values.shape}".encode(), digest_size=20)
    digest.update(np.ascontiguousarray(values).data)
    return digest.digest()
