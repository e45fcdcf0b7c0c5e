# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO does not check before it reads a TensorFlow graph.

It never ends where an operation depends on itself, and ends the process where a function calls
itself or is not called as it is declared.
"""

from __future__ import annotations

import graphlib
from typing import TYPE_CHECKING

from trunkline.errors import ExportError, UnsupportedExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from trunkline.exports.messages import Message

__all__ = ["MOST_OPERATIONS", "check"]

MOST_OPERATIONS = 20_000
"""The most operations of a graph that is read: OpenVINO's time grows with their square."""

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# The one way in which a loop leads back to where it began.
_LEADS_BACK = frozenset({"NextIteration", "RefNextIteration"})


def check(graph: Message, source: Path) -> None:
    """Make sure that a graph, its functions included, can be handed to OpenVINO.

    Args:
        graph: A ``GraphDef``.
        source: What to name in messages.

    Raises:
        ExportError: An operation depends on itself, or calls a function wrongly.
        UnsupportedExportError: There are too many operations.
    """
    functions = {f.signature.name: f for f in graph.library.function}
    bodies = [graph.node, *(function.node_def for function in functions.values())]
    count = sum(len(nodes) for nodes in bodies)
    if count > MOST_OPERATIONS:
        raise UnsupportedExportError(
            source, f"it has {count} operations; at most {MOST_OPERATIONS} are read."
        )
    if any(_is_circular(_takes(nodes)) for nodes in bodies):
        raise ExportError(source, "some of its operations depend on themselves. Export it again.")
    callees = {name: _callees(f.node_def, functions) for name, f in functions.items()}
    if _is_circular(callees):
        raise ExportError(source, "some of its functions call themselves. Export it again.")
    if not all(_calls_fit(nodes, functions) for nodes in bodies):
        raise ExportError(source, "it calls a function wrongly. Export it again.")


def _takes(nodes: Iterable[Message]) -> dict[str, set[str]]:
    """Return, by name, what each operation takes from or waits for."""
    return {
        node.name: {name.removeprefix("^").partition(":")[0] for name in node.input}
        for node in nodes
        if node.op not in _LEADS_BACK
    }


def _is_circular(needs: Mapping[str, Iterable[str]]) -> bool:
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError:
        return True
    return False


def _callees(nodes: Iterable[Message], functions: Mapping[str, Message]) -> set[str]:
    named = {value.func.name for node in nodes for value in node.attr.values()}
    return (named | {node.op for node in nodes}) & functions.keys()


def _calls_fit(nodes: Iterable[Message], functions: Mapping[str, Message]) -> bool:
    """Return whether each call names a function, and gives it all that it takes."""
    for node in nodes:
        function = functions.get(node.attr["f"].func.name if node.op in _CALLS else node.op)
        if function is None and node.op in _CALLS:
            return False
        if function is not None and not _fits(node, function):
            return False
    return True


def _fits(node: Message, function: Message) -> bool:
    signature = function.signature
    given = [name for name in node.input if not name.startswith("^")]
    return len(given) >= len(signature.input_arg) and all(
        result.name in function.ret for result in signature.output_arg
    )
