# SPDX-License-Identifier: Apache-2.0
"""The identity of every operation in a graph: equal identities mean equal values, always.

An identity is a hash over the operation, its attributes, the bytes of its constants and the
identities of its inputs, down to the input contract. It is taken on the normal form, so that
networks which are the same function written in other ways have it in common; what is written in
a way that the normal form does not know gets another identity and is not shared. An operation
that may hold more than it shows gets an identity that nothing else ever has.
"""

from __future__ import annotations

import functools
import hashlib
import json
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from trunkline.graphs.attributes import attributes_of
from trunkline.graphs.rewriting import inputs_of, static_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openvino

    from trunkline.contracts import InputContract

__all__ = ["Identity", "identify", "input_identity"]

Identity = bytes

_BYTES = 20
# Maximum and minimum are not among them: which zero or which NaN they give depends on the order.
_COMMUTATIVE = frozenset({"Add", "Multiply"})


def identify(graph: openvino.Model, contract: InputContract) -> dict[str, Identity]:
    """Return the identity of every operation of a graph in normal form.

    A tensor is told by its operation's identity and the index of the output.

    Args:
        graph: From ``normal_form``.
        contract: What it is fed; likewise.

    Returns:
        By the operation's friendly name, which is unique in a normal form.
    """
    found: dict[str, Identity] = {}
    for node in graph.get_ordered_ops():
        taken = [
            _digest(found[port.get_node().get_friendly_name()], port.get_index().to_bytes(4))
            for port in inputs_of(node)
        ]
        found[node.get_friendly_name()] = _operation(node, taken, contract)
    return found


@functools.lru_cache(maxsize=64)  # asked for whenever a plan is made, and most contracts are alike
def input_identity(contract: InputContract) -> Identity:
    """Return the identity of the input that takes a contract's pictures."""
    fields = asdict(contract)
    # A mean of 104 is a mean of 104.0, and 0.0 is -0.0 taken off.
    for name in ("maximum", "mean", "std"):
        fields[name] = (np.array(fields[name], np.float64) + 0.0).tolist()
    return _digest(b"input", json.dumps(fields, sort_keys=True).encode())


def _operation(node: openvino.Node, taken: Sequence[Identity], contract: InputContract) -> Identity:
    kind = node.get_type_name()
    if kind == "Parameter":
        return input_identity(contract)
    if kind == "Constant":
        return _constant(node)
    attributes = attributes_of(node)
    if attributes is None:
        return secrets.token_bytes(_BYTES)
    if kind in _COMMUTATIVE:
        taken = sorted(taken)
    text = json.dumps([kind, _types(node), attributes], sort_keys=True)
    return _digest(text.encode(), *taken)


def _types(node: openvino.Node) -> list[str]:
    # Some versions of a maximum pool give indices as well, whose type is an attribute.
    ports = node.outputs()[:1] if node.get_type_name() == "MaxPool" else node.outputs()
    return [port.get_element_type().get_type_name() for port in ports]


def _constant(node: openvino.Node) -> Identity:
    kind = node.get_element_type().get_type_name()
    if kind == "string":
        return secrets.token_bytes(_BYTES)
    values = node.get_data()
    if kind in {"i32", "i64"}:
        # Axes and shapes are stored in either, as the exporter liked.
        kind, values = "integer", values.astype(np.int64)
    # NumPy shows types that it does not know, such as bfloat16, as others of the same width.
    header = json.dumps([kind, static_shape(node.output(0))])
    return _digest(header.encode(), np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)


def _digest(*parts: bytes | memoryview) -> Identity:
    # Each part is preceded by its length, so that no two lists of parts look the same.
    *short, last = parts
    told = b"".join([len(part).to_bytes(8) + bytes(part) for part in short])
    digest = hashlib.blake2b(told + len(last).to_bytes(8), digest_size=_BYTES)
    digest.update(last)  # by itself, for the bytes of a constant are many
    return digest.digest()
