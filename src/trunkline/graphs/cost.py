# SPDX-License-Identifier: Apache-2.0
"""What operations cost: multiply-accumulates, bytes of weights, and bytes of tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trunkline.graphs.rewriting import inputs_of, is_constant, static_shape

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import openvino

    from trunkline.contracts import InputContract

__all__ = ["at_size", "live_bytes", "macs", "weight_bytes"]

# Which axes of the weights, from this one on, each value of the longer side is multiplied with.
# Weights are (out, in, kernel...), with groups before; transposed ones are (in, out, kernel...).
_CONVOLUTIONS = {
    "Convolution": 1,
    "GroupConvolution": 2,
    "ConvolutionBackpropData": 1,
    "GroupConvolutionBackpropData": 2,
}
_IN_PLACE = frozenset(
    {"Add", "Clamp", "Multiply", "PRelu", "Relu", "Reshape", "Sigmoid", "Softmax", "Swish"}
)
# What a length that is fixed only when a picture comes is taken for; detectors of the service
# run at about this many cells.
_OPEN_LENGTH = 16


def macs(node: openvino.Node) -> int:
    """Return the multiply-accumulates of one operation for one picture.

    Convolutions and products count as in the literature; anything else counts nothing, for it is
    bound by memory and small beside them.
    """
    kind = node.get_type_name()
    if kind in _CONVOLUTIONS:
        # A transposed convolution spreads each input, where a plain one gathers for each output.
        side = node.input_value(0) if "Backprop" in kind else node.output(0)
        return _length(side) * _product(static_shape(node.input_value(1))[_CONVOLUTIONS[kind] :])
    if kind == "MatMul":
        shape = static_shape(node.input_value(0))
        axis = -2 if node.get_attributes()["transpose_a"] and len(shape) > 1 else -1
        return _length(node.output(0)) * _product(shape[axis:][:1])
    return 0


def weight_bytes(node: openvino.Node) -> int:
    """Return the bytes of the constants that an operation takes directly."""
    constants = (port.get_node() for port in inputs_of(node) if is_constant(port))
    return sum(constant.get_byte_size() for constant in constants)


def _length(port: openvino.Output) -> int:
    return _product(static_shape(port))


def _product(lengths: Sequence[int]) -> int:
    return math.prod(_OPEN_LENGTH if n == -1 else n for n in lengths)


def at_size(graph: openvino.Model, contract: InputContract) -> openvino.Model:
    """Return a graph whose input has the contract's size, where it would vary with the picture.

    Args:
        graph: In normal form, and left as it is.
        contract: What it is fed.
    """
    if not graph.is_dynamic():
        return graph
    fixed = graph.clone()
    fixed.reshape([1, contract.height, contract.width, 3])
    return fixed


def live_bytes(graph: openvino.Model, members: Collection[str]) -> int:
    """Return the most bytes of tensors that are alive at one moment of a call.

    What changes each value by itself works in place, as the runtime fuses it or does so too.

    Args:
        graph: With a fixed size; see ``at_size``.
        members: The friendly names of the operations that are run.
    """
    nodes = [n for n in graph.get_ordered_ops() if n.get_friendly_name() in members]
    buffers = _buffers(nodes)
    last_use: dict[str, int] = {}
    for moment, node in enumerate(nodes):
        used = [node, *(port.get_node() for port in _data_of(node))]
        last_use.update((buffers.get(n.get_friendly_name(), ""), moment) for n in used)
    alive: dict[str, int] = {}
    most = 0
    for moment, node in enumerate(nodes):
        alive.setdefault(buffers[node.get_friendly_name()], _output_bytes(node))
        most = max(most, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last_use[name] > moment}
    return most


def _buffers(nodes: Sequence[openvino.Node]) -> dict[str, str]:
    """Return, by operation, the operation whose buffer holds its output."""
    buffers: dict[str, str] = {}
    for node in nodes:
        name, data = node.get_friendly_name(), _data_of(node)
        in_place = node.get_type_name() in _IN_PLACE and len(data) == 1
        source = data[0].get_node() if in_place else node
        fits = _output_bytes(source) == _output_bytes(node)
        buffers[name] = buffers.get(source.get_friendly_name(), name) if fits else name
    return buffers


def _data_of(node: openvino.Node) -> list[openvino.Output]:
    return [port for port in inputs_of(node) if not is_constant(port)]


def _output_bytes(node: openvino.Node) -> int:
    return sum(
        _length(port) * port.get_element_type().size
        for port in node.outputs()
        if port.get_target_inputs()
    )
