# SPDX-License-Identifier: Apache-2.0
"""Finding the parts of an ONNX model wherever they hide, and dropping those without a use."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

import onnx
from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["drop_unused", "taken", "walk"]

_Part = TypeVar("_Part", bound=Message)


def walk(message: Message, kind: type[_Part]) -> Iterator[_Part]:
    """Yield every part of one kind: in attributes, inner graphs, functions and anywhere else."""
    if isinstance(message, kind):
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in [value] if isinstance(value, Message) else value:
                yield from walk(child, kind)


def taken(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the tensors that a node takes, those that only the graphs inside it take included."""
    for part in walk(node, onnx.NodeProto):
        yield from part.input


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the nodes that no output depends on."""
    makers = defaultdict(list)
    for index, node in enumerate(graph.node):
        for name in node.output:
            makers[name].append(index)
    used: set[int] = set()
    waiting = [value.name for value in graph.output]
    while waiting:
        new = [index for index in makers[waiting.pop()] if index not in used]
        used.update(new)
        waiting += [name for index in new for name in taken(graph.node[index])]
    kept = [node for index, node in enumerate(graph.node) if index in used]
    del graph.node[:]
    graph.node.extend(kept)
