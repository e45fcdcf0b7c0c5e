# SPDX-License-Identifier: Apache-2.0
"""Constants that several graphs have in common, held once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    import openvino

    from trunkline.graphs.identity import Identity

__all__ = ["Weights", "hold_once"]

Weights = Mapping[bytes, "openvino.Output"]
"""The constants of a graph, by identity and type."""


def hold_once(
    graph: openvino.Model, held: Collection[Weights], identities: Mapping[str, Identity]
) -> Weights:
    """Let a graph use the constants of other graphs where they are the same, and free its own.

    Networks on one trunk are kept whole, for a later one may make it necessary to cut them in
    another place; without this each would hold the trunk.

    Args:
        graph: Changed in place; its values stay what they are.
        held: The constants of the other graphs.
        identities: The identities of its constants, by friendly name.

    Returns:
        The graph's constants.
    """
    own: dict[bytes, openvino.Output] = {}
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Constant":
            continue
        # An identity tells shape and bytes; but integers of two types may have one.
        kind = node.get_element_type().get_type_name()
        key = identities[node.get_friendly_name()] + kind.encode()
        kept = next((weights[key] for weights in (own, *held) if key in weights), None)
        if kept is not None:
            for user in list(node.output(0).get_target_inputs()):
                user.replace_source_output(kept)
        own[key] = node.output(0) if kept is None else kept
    return own
