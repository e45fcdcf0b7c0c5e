# SPDX-License-Identifier: Apache-2.0
"""What tells an operation from another of its type, its inputs apart: its attributes.

OpenVINO shows the attributes of an operation through a visitor, and not every type of operation
shows all of them: loops hide their bodies, random numbers their state. Only types for which a
test changes every attribute and sees the change are listed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.graphs.rewriting import static_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import openvino

__all__ = ["KNOWN", "Attributes", "attributes_of"]

Attributes = dict[str, Any]

_LISTED = {
    "opset1": """
        Abs Add AvgPool BatchNormInference Broadcast Ceiling Clamp Concat Convert ConvertLike
        Convolution ConvolutionBackpropData Cos DepthToSpace Divide Elu Equal Erf Exp FakeQuantize
        Floor FloorMod Gather Greater GreaterEqual GroupConvolution GroupConvolutionBackpropData
        HardSigmoid Less LessEqual Log LogicalAnd LogicalNot LogicalOr LRN MatMul MaxPool Maximum
        Minimum Mod Multiply Negative NormalizeL2 NotEqual OneHot PRelu Pad Power ReduceMax
        ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Select Selu ShapeOf ShuffleChannels
        Sigmoid Sign Sin Softmax SpaceToDepth Split Sqrt SquaredDifference Squeeze StridedSlice
        Subtract Tanh Tile TopK Transpose Unsqueeze VariadicSplit
        """,
    "opset2": "BatchToSpace Gelu MVN SpaceToBatch",
    "opset3": "Broadcast NonZero ScatterElementsUpdate ScatterUpdate ShapeOf TopK",
    "opset4": "HSwish Interpolate Mish Range ReduceL1 ReduceL2 ScatterNDUpdate SoftPlus Swish",
    "opset5": "BatchNormInference GatherND HSigmoid LogSoftmax NonMaxSuppression Round",
    "opset6": "GatherElements MVN",
    "opset7": "Gather Gelu",
    "opset8": "AdaptiveAvgPool Gather GatherND MaxPool Slice Softmax",
    "opset9": "NonMaxSuppression SoftSign",
    "opset11": "Interpolate TopK",
    "opset12": "GroupNormalization Pad ScatterElementsUpdate",
    "opset14": "AvgPool MaxPool",
    "opset15": "ScatterNDUpdate Squeeze",
    "opset16": "AvgPool",
}
KNOWN = frozenset((kind, version) for version, kinds in _LISTED.items() for kind in kinds.split())
"""The types of operation, with their versions, whose attributes are all seen."""


def attributes_of(node: openvino.Node) -> Attributes | None:
    """Return what tells an operation from others of its type that take the same tensors.

    Returns:
        Values by name, ready for JSON. None where there may be more to an operation than can be
        seen; nothing is known to be the same as such an operation, not even its own copy.
    """
    kind, version = node.get_type_name(), node.get_type_info().version_id
    attributes: Attributes = dict(node.get_attributes())
    # A third way to broadcast, PaddlePaddle's, has an axis that is not shown.
    if (kind, version) not in KNOWN or attributes.get("auto_broadcast") == "pdpd":
        return None
    special = _SPECIAL.get(kind)
    return special(node, attributes) if special else {"version": version, **attributes}


def _window(node: openvino.Node, attributes: Attributes) -> Attributes:
    """Return a convolution's or pool's attributes with the padding that really happens.

    ``auto_pad``, padding at the end and rounding up are three ways to say how many windows there
    are; where sizes are fixed, their number says it all. Padding below zero, which takes lines
    away, is left as it is written.
    """
    before, after = static_shape(node.input_value(0))[2:], static_shape(node.output(0))[2:]
    kernel = attributes.get("kernel") or static_shape(node.input_value(1))[-len(after) :]
    begin, end = node.get_attributes()["pads_begin"], node.get_attributes()["pads_end"]
    shown: Attributes = {
        "kernel": kernel,
        "strides": attributes["strides"],
        "dilations": attributes.get("dilations") or [1] * len(after),
        "pads_begin": begin,
    }
    if -1 in before or -1 in after or min([*begin, *end], default=0) < 0:
        open_ends = "pads_end", "auto_pad", "rounding_type"
        shown |= {name: attributes.get(name) for name in open_ends}
        return shown | _same_padding(attributes["auto_pad"], kernel, shown)
    return shown | {"windows": after}


def _same_padding(auto_pad: str, kernel: Sequence[int], shown: Attributes) -> Attributes:
    """Return the padding that keeps a picture's size, which is one for all sizes at stride 1."""
    strides, dilations = shown["strides"], shown["dilations"]
    if not auto_pad.startswith("same") or any(stride != 1 for stride in strides):
        return {}
    totals = [(length - 1) * gap for length, gap in zip(kernel, dilations, strict=True)]
    less = [total // 2 for total in totals]
    more = [total - half for total, half in zip(totals, less, strict=True)]
    begin, end = (less, more) if auto_pad == "same_upper" else (more, less)
    return {"pads_begin": begin, "pads_end": end, "auto_pad": "explicit"}


def _max_pool(node: openvino.Node, attributes: Attributes) -> Attributes:
    """Return a window, with what tells how indices are counted where anything asks for them.

    The versions of this operation differ in nothing else.
    """
    shown = _window(node, attributes)
    if node.get_output_size() > 1 and node.output(1).get_target_inputs():
        shown |= {"axis": attributes["axis"], "indices": attributes["index_element_type"]}
    return shown


def _average_pool(node: openvino.Node, attributes: Attributes) -> Attributes:
    """Return a window, with what is counted; padding at the end only matters if it is."""
    shown = _window(node, attributes) | {"exclude-pad": attributes["exclude-pad"]}
    return shown if attributes["exclude-pad"] else shown | {"pads_end": attributes["pads_end"]}


def _axis(node: openvino.Node, attributes: Attributes) -> Attributes:
    """Return an axis counted from the front; it means the same in all versions."""
    rank, axis = len(static_shape(node.input_value(0))), attributes["axis"]
    return {"axis": axis + rank if isinstance(axis, int) and axis < 0 else axis}


_SPECIAL: Mapping[str, Callable[[openvino.Node, Attributes], Attributes]] = {
    "AvgPool": _average_pool,
    "MaxPool": _max_pool,
    "Convolution": _window,
    "GroupConvolution": _window,
    "Concat": _axis,
    "Softmax": _axis,
}
