# SPDX-License-Identifier: Apache-2.0
"""Finding parts of an ONNX model wherever they hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["walk"]

_Part = TypeVar("_Part", bound=Message)


def walk(message: Message, kind: type[_Part]) -> Iterator[_Part]:
    """Yield every part of one kind: in attributes, inner graphs, functions and anywhere else."""
    if isinstance(message, kind):
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in [value] if isinstance(value, Message) else value:
                yield from walk(child, kind)
