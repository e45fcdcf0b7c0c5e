# SPDX-License-Identifier: Apache-2.0
"""Operations that the TensorFlow.js converter fuses, taken apart again.

The converter joins a convolution or matrix product, its bias and its activation into one node,
which OpenVINO's TensorFlow reader does not know. Source: the operation definitions of TensorFlow's
``_FusedConv2D`` and ``_FusedMatMul``: the inputs are those of the plain operation, then one for
each bias; the attribute ``fused_ops`` names what is applied to the result, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.messages import GraphDef, Message

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["unfuse"]

_PLAIN = {
    "_FusedConv2D": "Conv2D",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}
_FUSION_ATTRIBUTES = {"fused_ops", "num_args", "epsilon", "leakyrelu_alpha", "TArgs"}
_ACTIVATIONS = {"Elu", "LeakyRelu", "Relu", "Relu6", "Sigmoid", "Tanh"}


def unfuse(graph: Message, path: Path) -> Message:
    """Return a ``GraphDef`` with its fused nodes taken apart; the last part keeps the name.

    Raises:
        UnsupportedExportError: Something other than a bias and a common activation is fused.
        ExportError: A fused node has too few or too many inputs.
    """
    plain = GraphDef(versions=graph.versions)
    for node in graph.node:
        plain.node.extend(_parts(node, path) if node.op in _PLAIN else [node])
    return plain


def _parts(node: Message, path: Path) -> list[Message]:
    steps = [step.decode(errors="replace") for step in node.attr["fused_ops"].list.s]
    unknown = [step for step in steps if step != "BiasAdd" and step not in _ACTIVATIONS]
    if unknown:
        raise UnsupportedExportError(
            path, f"its node {node.name!r} fuses {unknown[0]}, which Trunkline cannot take apart."
        )
    if len(node.input) != 2 + steps.count("BiasAdd"):
        raise ExportError(
            path,
            f"its node {node.name!r} has {len(node.input)} inputs, which does not fit {steps}.",
        )
    parts = [_plain_operation(node)]
    biases = iter(node.input[2:])
    for step in steps:
        inputs = [parts[-1].name, *([next(biases)] if step == "BiasAdd" else [])]
        parts.append(_step(node, step, inputs))
    parts[-1].name = node.name
    return parts


def _plain_operation(node: Message) -> Message:
    """Return the convolution or product without what was fused to it."""
    plain = GraphDef().node.add()
    plain.CopyFrom(node)
    plain.op = _PLAIN[node.op]
    plain.name = f"{node.name}/unfused/{plain.op}"
    del plain.input[2:]
    for name in _FUSION_ATTRIBUTES & set(plain.attr):
        del plain.attr[name]
    return plain


def _step(node: Message, step: str, inputs: list[str]) -> Message:
    part = GraphDef().node.add(name=f"{node.name}/unfused/{step}", op=step, input=inputs)
    part.attr["T"].CopyFrom(node.attr["T"])
    if step == "BiasAdd" and "data_format" in node.attr:
        part.attr["data_format"].CopyFrom(node.attr["data_format"])
    if step == "LeakyRelu" and "leakyrelu_alpha" in node.attr:
        part.attr["alpha"].CopyFrom(node.attr["leakyrelu_alpha"])
    return part
