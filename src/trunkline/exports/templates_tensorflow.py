# SPDX-License-Identifier: Apache-2.0
"""The head of a frozen TensorFlow graph: two constant nodes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.exports.messages import GraphDef
from trunkline.exports.template_parts import HeadConstants, Places, Step, Taken, locate, take
from trunkline.exports.template_wire import cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_head", "take_apart"]

_FLOAT = 1  # DataType.DT_FLOAT


def find_head(parts: tuple[bytes, ...], head: HeadConstants) -> Places | None:
    """Find a dense head in a frozen graph."""
    nodes = GraphDef.FromString(parts[0]).node
    constants = [(node.name, values) for node in nodes if (values := _values(node)) is not None]
    steps = [Step(n.op, tuple(map(_tensor, n.input)), (n.name,)) for n in nodes]
    if len({node.name for node in nodes}) < len(nodes):
        return None
    taken = {name for step in steps for name in step.takes}
    return locate(constants, steps, {node.name for node in nodes} - taken, head)


def take_apart(parts: tuple[bytes, ...], places: Places) -> Taken | None:
    """Take the two constants out of a frozen graph."""
    file = cut(parts[0], None, (places.weights, places.bias))
    graph = GraphDef.FromString(file.inner)
    found = {}
    for node in graph.node:
        if node.name in {places.weights, places.bias}:
            found[node.name] = _values(node)
            _empty(node.attr["value"].tensor)
    weights, bias = found.get(places.weights), found.get(places.bias)
    if weights is None or bias is None:
        return None
    rest = [graph.SerializeToString(deterministic=True), *file.large]
    return take(weights, bias, places, None, rest)


def _tensor(name: str) -> str:
    """Return the node that an input comes from; control inputs come from one too."""
    return name.removeprefix("^").partition(":")[0]


def _values(node: Any) -> NDArray[np.float32] | None:  # noqa: ANN401 - a class made at run time
    """Return a float constant's values; None for anything else, or stored in another way."""
    if node.op != "Const" or set(node.attr) != {"dtype", "value"} or node.input:
        return None
    tensor = node.attr["value"].tensor
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    # A tensor of one value is stored as a number, any other as bytes.
    stored = tensor.tensor_content or np.array(tensor.float_val, "<f4").tobytes()
    both = bool(tensor.tensor_content) and bool(tensor.float_val)
    if tensor.dtype != _FLOAT or len(stored) != 4 * math.prod(shape) or both:
        return None
    return np.frombuffer(stored, "<f4").reshape(shape)


def _empty(tensor: Any) -> None:  # noqa: ANN401 - a class made at run time
    """Clear a constant's values and lengths; whatever else it says stays."""
    for field in ("tensor_content", "float_val"):
        tensor.ClearField(field)
    for dimension in tensor.tensor_shape.dim:
        dimension.ClearField("size")
