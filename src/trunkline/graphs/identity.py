# SPDX-License-Identifier: Apache-2.0
"""The identity of every operation in a graph: equal identities mean equal values, always.

An identity is a hash over the operation, its attributes, the bytes of its constants and the
identities of its inputs, down to the input contract. It is taken on the normal form, so that
networks which are the same function written in other ways have it in common; what is written in
a way that the normal form does not know gets another identity and is not shared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import openvino

from trunkline.graphs.rewriting import inputs_of, static_shape

if TYPE_CHECKING:
    from trunkline.contracts import InputContract

__all__ = ["Identity", "identify", "input_identity"]

Identity = bytes
Attributes = Mapping[str, object]

_COMMUTATIVE = frozenset({"Add", "Multiply", "Maximum", "Minimum"})


def identify(graph: openvino.Model, contract: InputContract) -> dict[str, Identity]:
    """Return the identity of every operation of a graph in normal form.

    A tensor is told by its operation's identity and the index of the output.

    Args:
        graph: From ``normal_form``.
        contract: What it is fed; likewise.

    Returns:
        By the operation's friendly name, which is unique in a graph.
    """
    found: dict[str, Identity] = {}
    for node in graph.get_ordered_ops():
        taken = [
            _digest(found[port.get_node().get_friendly_name()], port.get_index().to_bytes(4))
            for port in inputs_of(node)
        ]
        found[node.get_friendly_name()] = _operation(node, taken, contract)
    return found


def input_identity(contract: InputContract) -> Identity:
    """Return the identity of the input that takes a contract's pictures."""
    return _digest(b"input", json.dumps(asdict(contract), sort_keys=True).encode())


def _operation(node: openvino.Node, taken: Sequence[Identity], contract: InputContract) -> Identity:
    kind = node.get_type_name()
    if kind == "Parameter":
        return input_identity(contract)
    if kind == "Constant":
        return _constant(node)
    if kind in _COMMUTATIVE:
        taken = sorted(taken)
    attributes = _ATTRIBUTES.get(kind, _as_they_are)(node)
    text = json.dumps([kind, _type(node), attributes], sort_keys=True, default=str)
    return _digest(text.encode(), *taken)


def _type(node: openvino.Node) -> str:
    return str(node.get_output_element_type(0).get_type_name()) if node.get_output_size() else ""


def _constant(node: openvino.Node) -> Identity:
    values = node.get_data()
    if np.issubdtype(values.dtype, np.integer):
        # Axes and shapes are stored in 32 or 64 bits, as the exporter liked.
        values = values.astype(np.int64)
    header = f"constant {values.dtype} {values.shape}".encode()
    return _digest(header, np.ascontiguousarray(values).tobytes())


def _as_they_are(node: openvino.Node) -> Attributes:
    return dict(node.get_attributes())


def _window(node: openvino.Node) -> Attributes:
    """Return a convolution's or pool's attributes with the padding that really happens.

    ``auto_pad``, explicit padding and rounding up are three ways to say how far the last window
    reaches past the end of the picture.
    """
    attributes = node.get_attributes()
    before, after = static_shape(node.input_value(0))[2:], static_shape(node.output(0))[2:]
    kernel = attributes.get("kernel") or static_shape(node.input_value(1))[-len(after) :]
    strides = attributes["strides"]
    dilations = attributes.get("dilations") or [1] * len(kernel)
    begin = list(attributes["pads_begin"])
    if -1 in before or -1 in after:
        end: list[object] = [
            attributes["auto_pad"],
            attributes.get("rounding_type"),
            *attributes["pads_end"],
        ]
    else:
        end = [
            max(0, (out - 1) * stride + (size - 1) * dilation + 1 - length - start)
            for out, stride, size, dilation, length, start in zip(
                after, strides, kernel, dilations, before, begin, strict=True
            )
        ]
    return {
        "kernel": kernel,
        "strides": strides,
        "dilations": dilations,
        "begin": begin,
        "end": end,
    }


def _axis(node: openvino.Node) -> Attributes:
    """Return an axis counted from the front."""
    rank = len(static_shape(node.input_value(0)))
    axis = node.get_attributes()["axis"]
    return {"axis": axis + rank if axis < 0 else axis}


_ATTRIBUTES: Mapping[str, Callable[[openvino.Node], Attributes]] = {
    "MaxPool": _window,
    "Convolution": _window,
    "GroupConvolution": _window,
    "Concat": _axis,
    "Softmax": _axis,
}


def _digest(*parts: bytes) -> Identity:
    # Each part is preceded by its length, so that no two lists of parts look the same.
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()
