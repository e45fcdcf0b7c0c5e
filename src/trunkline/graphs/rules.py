# SPDX-License-Identifier: Apache-2.0
"""The rules of the normal form that OpenVINO's own transformations leave to us.

A rule looks at one operation. It replaces it where that keeps every value, and says whether it did.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.graphs.rewriting import (
    Rule,
    constant,
    constant_of,
    is_constant,
    replace,
    static_shape,
)
from trunkline.graphs.slices import plain_slice, slices_instead_of_split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RULES", "padding_of", "widen_constants"]

_SPATIAL = np.array([2, 3], np.int64)


def widen_constants(graph: openvino.Model) -> None:
    """Replace constants stored as float16 and widened in the graph by float32 constants.

    Every float16 number is a float32 number, so nothing is rounded.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "Convert" and node.get_element_type() == openvino.Type.f32:
            values = constant_of(node.input_value(0))
            if values is not None and values.dtype == np.float16:
                replace(node, constant(values.astype(np.float32)))


def _drop_multiplication_by_one(node: openvino.Node) -> bool:
    """``x * 1`` is ``x``, unless it stretches ``x`` to the shape of the ones."""
    factor = constant_of(node.input_value(1))
    if factor is None or not (factor == 1).all():
        return False
    data = node.input_value(0)
    if data.get_partial_shape() != node.output(0).get_partial_shape():
        return False
    replace(node, data)
    return True


def _add_instead_of_subtracting(node: openvino.Node) -> bool:
    """``x - c`` is ``x + (-c)``, exactly."""
    subtrahend = constant_of(node.input_value(1))
    if subtrahend is None or subtrahend.dtype != np.float32 or not _broadcasts_plainly(node):
        return False
    replace(node, ops.add(node.input_value(0), constant(-subtrahend)).output(0))
    return True


def _constant_operand_last_and_of_full_rank(node: openvino.Node) -> bool:
    """Swap and reshape: sums and products commute, and missing axes are of length one."""
    first, second = node.input_value(0), node.input_value(1)
    if is_constant(first) and not is_constant(second):
        if not _broadcasts_plainly(node):
            return False
        swapped = {"Add": ops.add, "Multiply": ops.multiply}[node.get_type_name()](second, first)
        replace(node, swapped.output(0))
        return True
    values, rank = constant_of(second), len(static_shape(node.output(0)))
    # Attributes are asked for last, for they take longest.
    if values is None or values.ndim >= rank or not _broadcasts_plainly(node):
        return False
    full = values.reshape((1,) * (rank - values.ndim) + values.shape)
    node.input(1).replace_source_output(constant(full))
    return True


def _broadcasts_plainly(node: openvino.Node) -> bool:
    return bool(node.get_attributes()["auto_broadcast"] == "numpy")


def _mean_instead_of_whole_pool(node: openvino.Node) -> bool:
    """Take the mean over the picture for an average over a window as large as the picture."""
    shape, attributes = static_shape(node.input_value(0)), node.get_attributes()
    whole = len(shape) == 4 and list(attributes["kernel"]) == shape[2:]
    if not whole or static_shape(node.output(0))[2:] != [1, 1] or _is_padded(node):
        return False
    replace(node, _mean(node.input_value(0)))
    return True


def _mean(data: openvino.Output) -> openvino.Output:
    return ops.reduce_mean(data, ops.constant(_SPATIAL), keep_dims=True).output(0)


def _plain_mean(node: openvino.Node) -> bool:
    """Write a mean over the picture in one way: axes in order, and kept."""
    axes, shape = constant_of(node.input_value(1)), static_shape(node.input_value(0))
    if axes is None or len(shape) != 4 or sorted(int(a) % 4 for a in axes.reshape(-1)) != [2, 3]:
        return False
    kept, after = node.get_attributes()["keep_dims"], static_shape(node.output(0))
    if axes.tolist() == _SPATIAL.tolist() if kept else -1 in after:
        return False
    mean = _mean(node.input_value(0))
    replace(node, mean if kept else _reshape(mean, after))
    return True


def _reshape(data: openvino.Output, shape: Sequence[int]) -> openvino.Output:
    target = ops.constant(np.array(shape, np.int64))
    return ops.reshape(data, target, special_zero=False).output(0)


def _reshape_instead_of_moving_nothing(node: openvino.Node) -> bool:
    """Reshape where at most one axis is longer than one: moving axes moves nothing then."""
    before, after = static_shape(node.input_value(0)), static_shape(node.output(0))
    if -1 in before or sum(length > 1 for length in before) > 1 or not before:
        return False
    replace(node, _reshape(node.input_value(0), after))
    return True


def _plain_reshape(node: openvino.Node) -> bool:
    """Merge chains of reshapes, squeezes and the like into one with a constant target."""
    data, shape = node.input_value(0), static_shape(node.output(0))
    if node.output(0).get_partial_shape().is_dynamic or is_constant(data):
        return False
    while data.get_node().get_type_name() in _RESHAPES:
        data = data.get_node().input_value(0)
    if data.get_partial_shape().is_static and static_shape(data) == shape:
        replace(node, data)
        return True
    if data == node.input_value(0) and _is_plain(node, shape):
        return False
    replace(node, _reshape(data, shape))
    return True


_RESHAPES = frozenset({"Reshape", "Squeeze", "Unsqueeze"})


def _is_plain(node: openvino.Node, shape: Sequence[int]) -> bool:
    if node.get_type_name() != "Reshape":
        return False
    target = constant_of(node.input_value(1))
    return target is not None and target.reshape(-1).tolist() == list(shape)


def _slope_of_full_rank(node: openvino.Node) -> bool:
    """Give one slope for all as many axes as the data has, as most readers do."""
    slope, rank = constant_of(node.input_value(1)), len(static_shape(node.input_value(0)))
    if slope is None or slope.size != 1 or slope.ndim >= rank:
        return False
    node.input(1).replace_source_output(constant(slope.reshape((1,) * rank)))
    return True


def _swish_with_its_slope(node: openvino.Node) -> bool:
    """State the slope, which is one where none is given."""
    if node.get_input_size() > 1:
        return False
    replace(node, ops.swish(node.input_value(0), constant(np.array(1, np.float32))).output(0))
    return True


def _untransposed_product(node: openvino.Node) -> bool:
    """Store a dense layer's weights as (features, labels)."""
    attributes, weights = node.get_attributes(), constant_of(node.input_value(1))
    if weights is None or weights.ndim != 2 or not attributes["transpose_b"]:
        return False
    data = node.input_value(0)
    straight = ops.matmul(data, constant(weights.T), attributes["transpose_a"], False)  # noqa: FBT003
    replace(node, straight.output(0))
    return True


def _dense_instead_of_pointwise(node: openvino.Node) -> bool:
    """Write a 1 x 1 convolution of a picture of one pixel as a dense layer."""
    data, after = node.input_value(0), static_shape(node.output(0))
    shape = static_shape(data)
    if shape[2:] != [1, 1]:
        return False
    weights = constant_of(node.input_value(1))
    if weights is None or weights.ndim != 4 or math.prod(weights.shape[2:]) != 1:
        return False
    # Padding before the pixel may be all that the only window sees.
    if shape != [1, weights.shape[1], 1, 1] or after[2:] != [1, 1] or _is_padded(node):
        return False
    flat = _reshape(data, shape[:2])
    product = ops.matmul(flat, constant(weights.reshape(weights.shape[:2]).T), False, False)  # noqa: FBT003
    replace(node, _reshape(product.output(0), after))
    return True


def _pool_that_pads_itself(node: openvino.Node) -> bool:
    """Merge padding with the maximum pool behind it.

    A pool's own padding never wins. Neither does minus infinity where every window holds a value,
    nor another value that is not above zero where all values are at least zero.
    """
    pad, attributes = node.input_value(0).get_node(), node.get_attributes()
    padding = padding_of(pad)
    if padding is None or _is_padded(node) or not _is_plain_window(attributes):
        return False
    if any(port.get_target_inputs() for port in node.outputs()[1:]):
        return False  # indices count in the padded picture
    begin, end, filling = padding
    kernel, data = attributes["kernel"], pad.input_value(0)
    inside = all(0 <= p < k for p, k in zip(begin + end, [*kernel, *kernel], strict=True))
    if not inside or not (filling == -math.inf or _is_never_negative(data)):
        return False
    pool = ops.max_pool(data, attributes["strides"], [1, 1], begin, end, kernel)
    replace(node, pool.output(0))
    return True


def padding_of(pad: openvino.Node) -> tuple[list[int], list[int], float] | None:
    """Return how far a picture is padded and with what not above zero; None for all else."""
    if pad.get_type_name() != "Pad" or pad.get_attributes()["pad_mode"] != "constant":
        return None
    begin, end = constant_of(pad.input_value(1)), constant_of(pad.input_value(2))
    # Where no value is given it is zero.
    value = constant_of(pad.input_value(3)) if pad.get_input_size() > 3 else np.zeros(())
    if begin is None or end is None or value is None or not (value <= 0).all():
        return None
    if begin.size != 4 or any([*begin[:2], *end[:2]]):
        return None
    return begin[2:].tolist(), end[2:].tolist(), float(value.reshape(()))


def _is_padded(node: openvino.Node) -> bool:
    attributes = node.get_attributes()
    return any([*attributes["pads_begin"], *attributes["pads_end"]])


def _is_plain_window(attributes: Mapping[str, object]) -> bool:
    """Tell whether windows have no gaps, and none reaches past the end of what is padded."""
    dilations, rounding = attributes.get("dilations", [1, 1]), attributes["rounding_type"]
    # Same padding depends on the size, which the explicit padding has changed.
    same = str(attributes["auto_pad"]).startswith("same")
    return dilations == [1, 1] and rounding == "floor" and not same


def _is_never_negative(port: openvino.Output) -> bool:
    node = port.get_node()
    match node.get_type_name():
        case "Relu":
            return True
        case "Concat" | "MaxPool":
            data = node.get_input_size() if node.get_type_name() == "Concat" else 1
            return all(_is_never_negative(node.input_value(i)) for i in range(data))
        case _:
            return False


RULES: Mapping[str, Sequence[Rule]] = {
    "Multiply": (_constant_operand_last_and_of_full_rank, _drop_multiplication_by_one),
    "Add": (_constant_operand_last_and_of_full_rank,),
    "Subtract": (_add_instead_of_subtracting,),
    "MaxPool": (_pool_that_pads_itself,),
    "AvgPool": (_mean_instead_of_whole_pool,),
    "ReduceMean": (_plain_mean,),
    "Transpose": (_reshape_instead_of_moving_nothing,),
    "Reshape": (_plain_reshape,),
    "Squeeze": (_plain_reshape,),
    "Unsqueeze": (_plain_reshape,),
    "PRelu": (_slope_of_full_rank,),
    "Swish": (_swish_with_its_slope,),
    "Split": (slices_instead_of_split,),
    "VariadicSplit": (slices_instead_of_split,),
    "Slice": (plain_slice,),
    "StridedSlice": (plain_slice,),
    "MatMul": (_untransposed_product,),
    "Convolution": (_dense_instead_of_pointwise,),
}
