# SPDX-License-Identifier: Apache-2.0
"""The kinds of steps, and how each is found in an operation of OpenVINO.

Kinds with their inputs and attributes; axes count from the front, from 0:

Add, Subtract, Multiply, Divide, Maximum, Minimum, Power: two inputs, which broadcast as in NumPy.
Relu, Sigmoid, Tanh, Exp, Sqrt, Abs, HSwish, HSigmoid, SoftPlus: one input.
Clamp: ``minimum``, ``maximum``.
Elu: ``alpha``.
Swish: ``beta`` (float): ``x * sigmoid(beta * x)``.
PRelu: input and a constant slope that broadcasts to the input as in NumPy, channels on axis 1.
Softmax: ``axis``.
Transpose: ``order``.
Reshape: ``shape``, of which at most one length is -1.
Concat: ``axis``; any number of inputs.
Slice: ``axes``, and ``start`` and ``stop`` for each, counted from the front; steps of 1.
Pad: ``begin``, ``end`` (one number per axis), ``value``.
ReduceMean, ReduceMax, ReduceSum: ``axes``, ``keep_dims``.
MatMul: ``transpose_a``, ``transpose_b``.
Convolution: weights (out, in, rows, columns); ``strides``, ``dilations`` and the padding.
GroupConvolution: weights (groups, out / groups, in / groups, rows, columns); likewise.
MaxPool: ``kernel``, ``strides``, ``dilations`` and the padding, which never wins.
AvgPool: ``kernel``, ``strides``, ``exclude_pad`` and the padding.

The padding: ``auto_pad`` is ``"explicit"``, with ``pads_begin`` and ``pads_end`` (rows, columns).
Where the picture's size varies it may be ``"same_upper"`` or ``"same_lower"``: as many windows as
the size divided by the stride, rounded up, and the odd line of padding at the end or beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino

from trunkline.graphs.rewriting import constant_of, static_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["VOCABULARY", "NotSayableError", "Word"]

Meaning = tuple[str, dict[str, Any], int]
Word = Callable[[openvino.Node, int], Meaning]
"""Takes an operation and the index of an output; returns the kind of step that gives it, its
attributes, and how many of the operation's inputs it takes."""


class NotSayableError(Exception):
    """An operation is used in a way that the vocabulary has no words for."""


def _plain(count: int, node: openvino.Node, _: int) -> Meaning:
    return node.get_type_name(), {}, count


def _elementwise(node: openvino.Node, _: int) -> Meaning:
    if node.get_attributes()["auto_broadcast"] == "pdpd":
        raise NotSayableError(node.get_type_name())
    return node.get_type_name(), {}, 2


def _clamp(node: openvino.Node, _: int) -> Meaning:
    attributes = node.get_attributes()
    bounds = {"minimum": float(attributes["min"]), "maximum": float(attributes["max"])}
    return "Clamp", bounds, 1


def _elu(node: openvino.Node, _: int) -> Meaning:
    return "Elu", {"alpha": float(node.get_attributes()["alpha"])}, 1


def _swish(node: openvino.Node, _: int) -> Meaning:
    beta = _stored(node, 1) if node.get_input_size() > 1 else np.ones(1)
    return "Swish", {"beta": float(beta.reshape(-1)[0])}, 1


def _prelu(node: openvino.Node, _: int) -> Meaning:
    slope, rank = _stored(node, 1), len(static_shape(node.input_value(0)))
    if slope.ndim == 1 and slope.size > 1 and rank != 2:
        # One slope per channel is the one case that does not broadcast as in NumPy.
        raise NotSayableError("PRelu")
    return "PRelu", {}, 2


def _softmax(node: openvino.Node, _: int) -> Meaning:
    return "Softmax", {"axis": _from_the_front(node, node.get_attributes()["axis"])}, 1


def _transpose(node: openvino.Node, _: int) -> Meaning:
    order = _stored(node, 1).reshape(-1).tolist()
    rank = len(static_shape(node.input_value(0)))
    return "Transpose", {"order": tuple(order or reversed(range(rank)))}, 1


def _reshape(node: openvino.Node, _: int) -> Meaning:
    shape = tuple(static_shape(node.output(0)))
    if shape.count(-1) > 1:
        raise NotSayableError(node.get_type_name())
    return "Reshape", {"shape": shape}, 1


def _concat(node: openvino.Node, _: int) -> Meaning:
    axis = _from_the_front(node, node.get_attributes()["axis"])
    return "Concat", {"axis": axis}, node.get_input_size()


def _slice(node: openvino.Node, _: int) -> Meaning:
    """Tell what is cut from where; the normal form has seen to the rest."""
    start, stop, step, axes = (_stored(node, i).reshape(-1).tolist() for i in (1, 2, 3, 4))
    if set(step) != {1} or min([*start, *stop, *axes]) < 0:
        raise NotSayableError("Slice")
    return "Slice", {"axes": tuple(axes), "start": tuple(start), "stop": tuple(stop)}, 1


def _split(node: openvino.Node, index: int) -> Meaning:
    """Tell one part of a split as a slice."""
    axis = _from_the_front(node, int(_stored(node, 1).reshape(-1)[0]))
    lengths = [static_shape(port)[axis] for port in node.outputs()]
    if -1 in lengths:
        raise NotSayableError(node.get_type_name())
    start = sum(lengths[:index])
    stop = start + lengths[index]
    return "Slice", {"axes": (axis,), "start": (start,), "stop": (stop,)}, 1


def _pad(node: openvino.Node, _: int) -> Meaning:
    begin, end = (_stored(node, i).reshape(-1).tolist() for i in (1, 2))
    value = float(_stored(node, 3)) if node.get_input_size() > 3 else 0.0
    if node.get_attributes()["pad_mode"] != "constant" or min([*begin, *end]) < 0:
        raise NotSayableError("Pad")
    return "Pad", {"begin": tuple(begin), "end": tuple(end), "value": value}, 1


def _reduction(node: openvino.Node, _: int) -> Meaning:
    axes = _stored(node, 1).reshape(-1).tolist()
    counted = tuple(sorted(_from_the_front(node, axis) for axis in axes))
    keep_dims = bool(node.get_attributes()["keep_dims"])
    return node.get_type_name(), {"axes": counted, "keep_dims": keep_dims}, 1


def _matmul(node: openvino.Node, _: int) -> Meaning:
    attributes = node.get_attributes()
    return "MatMul", {key: bool(attributes[key]) for key in ("transpose_a", "transpose_b")}, 2


def _convolution(node: openvino.Node, _: int) -> Meaning:
    weights = constant_of(node.input_value(1))
    if weights is None or weights.ndim != (5 if "Group" in node.get_type_name() else 4):
        raise NotSayableError(node.get_type_name())
    attributes = node.get_attributes()
    given = {key: tuple(attributes[key]) for key in ("strides", "dilations")}
    return node.get_type_name(), given | _padding(node, weights.shape[-2:], given["dilations"]), 2


def _pool(node: openvino.Node, index: int) -> Meaning:
    attributes, kind = node.get_attributes(), node.get_type_name()
    if index or len(static_shape(node.input_value(0))) != 4:
        raise NotSayableError(kind)
    given: dict[str, Any] = {key: tuple(attributes[key]) for key in ("kernel", "strides")}
    dilations = tuple(attributes.get("dilations") or (1, 1))
    if kind == "MaxPool":
        given["dilations"] = dilations
    else:
        given["exclude_pad"] = bool(attributes["exclude-pad"])
        if attributes["rounding_type"] != "floor" and not given["exclude_pad"]:
            raise NotSayableError(kind)  # what lies past the padding counts in no format's way
    return kind, given | _padding(node, given["kernel"], dilations), 1


def _padding(
    node: openvino.Node, kernel: Sequence[int], dilations: Sequence[int]
) -> dict[str, Any]:
    """Return the padding that really happens."""
    attributes = node.get_attributes()
    before, after = static_shape(node.input_value(0))[2:], static_shape(node.output(0))[2:]
    begin, end = tuple(attributes["pads_begin"]), tuple(attributes["pads_end"])
    auto, rounds_down = attributes["auto_pad"], attributes.get("rounding_type", "floor") == "floor"
    if min([*begin, *end]) < 0:
        raise NotSayableError(node.get_type_name())
    if -1 in before:
        if auto.startswith("same"):
            return {"auto_pad": auto}
        if not rounds_down:
            raise NotSayableError(node.get_type_name())
        return _explicit((0, 0), (0, 0)) if auto == "valid" else _explicit(begin, end)
    if attributes.get("exclude-pad") is False:
        return _explicit(begin, end)
    # No more at the end than windows reach, so that one way of padding is told in one way.
    reach = [
        (windows - 1) * stride + dilation * (length - 1) + 1
        for windows, stride, dilation, length in zip(
            after, attributes["strides"], dilations, kernel, strict=True
        )
    ]
    needed = (r - b - size for r, b, size in zip(reach, begin, before, strict=True))
    return _explicit(begin, tuple(max(0, n) for n in needed))


def _explicit(begin: tuple[int, ...], end: tuple[int, ...]) -> dict[str, Any]:
    return {"auto_pad": "explicit", "pads_begin": begin, "pads_end": end}


def _convert(node: openvino.Node, _: int) -> Meaning:
    """Types of numbers that float32 holds all of are written as float32."""
    kinds = {port.get_element_type().get_type_name() for port in (node.input(0), node.output(0))}
    if not kinds <= {"f16", "f32", "u8"} or node.get_element_type() == openvino.Type.u8:
        raise NotSayableError("Convert")
    return "Convert", {}, 1


def _stored(node: openvino.Node, index: int) -> NDArray[Any]:
    values = constant_of(node.input_value(index))
    if values is None:
        raise NotSayableError(node.get_type_name())
    return values


def _from_the_front(node: openvino.Node, axis: int) -> int:
    return axis % len(static_shape(node.input_value(0)))


_ELEMENTWISE = ("Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum", "Power")
_ONE_TO_ONE = ("Relu", "Sigmoid", "Tanh", "Exp", "Sqrt", "Abs", "HSwish", "HSigmoid", "SoftPlus")

VOCABULARY: Mapping[str, Word] = {
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(_ONE_TO_ONE, partial(_plain, 1)),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceSum"), _reduction),
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze"), _reshape),
    **dict.fromkeys(("Convolution", "GroupConvolution"), _convolution),
    **dict.fromkeys(("MaxPool", "AvgPool"), _pool),
    **dict.fromkeys(("Split", "VariadicSplit"), _split),
    "Clamp": _clamp,
    "Concat": _concat,
    "Convert": _convert,
    "Elu": _elu,
    "MatMul": _matmul,
    "Pad": _pad,
    "PRelu": _prelu,
    "Slice": _slice,
    "Softmax": _softmax,
    "Swish": _swish,
    "Transpose": _transpose,
}
"""By OpenVINO's name of the operation."""
