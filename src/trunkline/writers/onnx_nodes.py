# SPDX-License-Identifier: Apache-2.0
"""Steps as nodes of ONNX, opset 14.

Formulas and attributes: the operators' reference of ONNX (onnx/docs/Operators.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from trunkline.writers.steps import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from numpy.typing import NDArray

    from trunkline.writers.steps import Step, Steps

__all__ = ["Add", "node_of"]

Add = Callable[[str, "NDArray[Any]"], str]
"""Stores a constant under a name, and returns the name of the tensor that has its values."""


def node_of(
    steps: Steps, step: Step, operands: list[str], add: Add, *, open_batch: bool
) -> list[onnx.NodeProto]:
    """Return a step as nodes, the last of which gives the step's output.

    Args:
        steps: The model, for messages.
        step: The step.
        operands: The names of the tensors that it takes.
        add: Stores the constants that ONNX takes as inputs where a step has attributes.
        open_batch: Whether several pictures may come at once.

    Raises:
        UnsupportedExportError: ONNX has no such operation.
    """
    if step.kind in _SAME:
        return [_node(_SAME[step.kind], operands, step.name)]
    if step.kind in _WITH_ATTRIBUTES:
        kind, attributes = _WITH_ATTRIBUTES[step.kind]
        return [_node(kind, operands, step.name, **attributes(step.attributes))]
    if step.kind == "Reshape":
        # The first axis is the batch's: whatever is left for it.
        first = -1 if open_batch else step.shape[0]
        shape = np.array([first, *step.shape[1:]], np.int64)
        return [_node("Reshape", [*operands, add(f"{step.name}/shape", shape)], step.name)]
    if step.kind in _WITH_CONSTANTS:
        return _WITH_CONSTANTS[step.kind](step, operands, add)
    raise refusal(steps, step, "ONNX")


def _clip(step: Step, operands: list[str], add: Add) -> list[onnx.NodeProto]:
    bounds = [
        add(f"{step.name}/{key}", np.array(step.attributes[key], np.float32))
        for key in ("minimum", "maximum")
    ]
    return [_node("Clip", [*operands, *bounds], step.name)]


def _slice(step: Step, operands: list[str], add: Add) -> list[onnx.NodeProto]:
    told = {"starts": "start", "ends": "stop", "axes": "axes"}
    numbers = [
        add(f"{step.name}/{name}", np.array(step.attributes[key], np.int64))
        for name, key in told.items()
    ]
    return [_node("Slice", [*operands, *numbers], step.name)]


def _pad(step: Step, operands: list[str], add: Add) -> list[onnx.NodeProto]:
    told = step.attributes
    pads = add(f"{step.name}/pads", np.array([*told["begin"], *told["end"]], np.int64))
    value = add(f"{step.name}/value", np.array(told["value"], np.float32))
    return [_node("Pad", [*operands, pads, value], step.name)]


def _sum(step: Step, operands: list[str], add: Add) -> list[onnx.NodeProto]:
    axes = add(f"{step.name}/axes", np.array(step.attributes["axes"], np.int64))
    kept = int(step.attributes["keep_dims"])
    return [_node("ReduceSum", [*operands, axes], step.name, keepdims=kept)]


def _groups(step: Step, operands: list[str], _: Add) -> list[onnx.NodeProto]:
    groups = int(np.shape(step.inputs[1])[0])
    window = _convolution(step.attributes)
    return [_node("Conv", operands, step.name, group=groups, **window)]


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:  # noqa: ANN401
    return helper.make_node(kind, inputs, [output], name=output, **attributes)


def _product(step: Step, operands: list[str], _: Add) -> list[onnx.NodeProto]:
    """Write a product; ONNX transposes only in a node of its own."""
    *kept, rows, columns = range(len(step.shape))
    nodes, taken = [], []
    for operand, key in zip(operands, ("transpose_a", "transpose_b"), strict=True):
        if step.attributes[key]:
            moved = f"{step.name}/{key}"
            nodes.append(_node("Transpose", [operand], moved, perm=[*kept, columns, rows]))
            taken.append(moved)
        else:
            taken.append(operand)
    return [*nodes, _node("MatMul", taken, step.name)]


def _swish(step: Step, operands: list[str], add: Add) -> list[onnx.NodeProto]:
    """Write ``x * sigmoid(beta * x)``."""
    data, gate, nodes = operands[0], f"{step.name}/gate", []
    scaled, beta = data, step.attributes["beta"]
    if beta != 1:
        scaled = f"{step.name}/scaled"
        factor = add(f"{step.name}/beta", np.array(beta, np.float32))
        nodes.append(_node("Mul", [data, factor], scaled))
    nodes.append(_node("Sigmoid", [scaled], gate))
    return [*nodes, _node("Mul", [data, gate], step.name)]


def _hard_sigmoid(step: Step, operands: list[str], add: Add) -> list[onnx.NodeProto]:
    """Write ``min(max(x + 3, 0), 6) / 6``, which OpenVINO knows again; HardSigmoid it does not."""
    three, zero, six = (
        add(f"{step.name}/{number}", np.array(number, np.float32)) for number in (3, 0, 6)
    )
    raised, clipped = f"{step.name}/raised", f"{step.name}/clipped"
    return [
        _node("Add", [*operands, three], raised),
        _node("Clip", [raised, zero, six], clipped),
        _node("Div", [clipped, six], step.name),
    ]


def _window(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return strides and padding; the sizes of pictures are fixed, so padding is explicit."""
    given = {"strides": told["strides"], "pads": [*told["pads_begin"], *told["pads_end"]]}
    if "kernel" in told:
        given["kernel_shape"] = told["kernel"]
    return given


def _convolution(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**_window(told), "dilations": told["dilations"]}


_SAME = {
    "Add": "Add",
    "Subtract": "Sub",
    "Multiply": "Mul",
    "Divide": "Div",
    "Maximum": "Max",
    "Minimum": "Min",
    "Power": "Pow",
    "PRelu": "PRelu",
    "Relu": "Relu",
    "Sigmoid": "Sigmoid",
    "Tanh": "Tanh",
    "Exp": "Exp",
    "Sqrt": "Sqrt",
    "Abs": "Abs",
    "HSwish": "HardSwish",
    "SoftPlus": "Softplus",
}
_WITH_ATTRIBUTES: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "Elu": ("Elu", lambda told: {"alpha": told["alpha"]}),
    "Softmax": ("Softmax", lambda told: {"axis": told["axis"]}),
    "Transpose": ("Transpose", lambda told: {"perm": told["order"]}),
    "Concat": ("Concat", lambda told: {"axis": told["axis"]}),
    "ReduceMean": (
        "ReduceMean",
        lambda told: {"axes": told["axes"], "keepdims": int(told["keep_dims"])},
    ),
    "ReduceMax": (
        "ReduceMax",
        lambda told: {"axes": told["axes"], "keepdims": int(told["keep_dims"])},
    ),
    "Convolution": ("Conv", _convolution),
    "MaxPool": ("MaxPool", _convolution),
    "AvgPool": (
        "AveragePool",
        lambda told: {**_window(told), "count_include_pad": int(not told["exclude_pad"])},
    ),
}
_WITH_CONSTANTS: Mapping[str, Callable[[Step, list[str], Add], list[onnx.NodeProto]]] = {
    "Clamp": _clip,
    "Slice": _slice,
    "Pad": _pad,
    "ReduceSum": _sum,
    "GroupConvolution": _groups,
    "MatMul": _product,
    "HSigmoid": _hard_sigmoid,
    "Swish": _swish,
}
