# SPDX-License-Identifier: Apache-2.0
"""Constants that several networks have in common, held once in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import openvino

    from trunkline.graphs.identity import Identity
    from trunkline.graphs.merging import Outline

__all__ = ["share_constants"]

# Smaller ones are not worth the search.
_WORTH_SHARING_BYTES = 4096


def share_constants(new: Outline, known: Iterable[Outline]) -> None:
    """Let a network use the memory of constants that others hold already, and free its own.

    Networks on one trunk are kept whole, for a later one may make it necessary to cut them in
    another place; without this each would hold the trunk. Values stay what they are.

    Args:
        new: Its graph is changed in place.
        known: The networks there are; they are left as they are.
    """
    own = {node.get_friendly_name(): node for node in new.graph.get_ordered_ops()}
    missing = {
        identity: own[name]
        for identity, name in new.constants.items()
        if name in own and own[name].get_byte_size() >= _WORTH_SHARING_BYTES
    }
    for outline in known:
        common = missing.keys() & outline.constants.keys()
        if common and outline is not new:
            # A clone has nodes of its own on the same memory: so no graph hangs on another's nodes.
            twins = {node.get_friendly_name(): node for node in outline.graph.clone().get_ops()}
            for identity in common:
                twin = twins.get(outline.constants[identity])
                if twin is not None and _take_place(missing[identity], twin):
                    del missing[identity]


def _take_place(node: openvino.Node, twin: openvino.Node) -> bool:
    """Put a constant in another's place; integers of other width are equal but not the same."""
    if node.get_element_type() != twin.get_element_type():
        return False
    twin.set_friendly_name(node.get_friendly_name())
    for user in list(node.output(0).get_target_inputs()):
        user.replace_source_output(twin.output(0))
    return True
