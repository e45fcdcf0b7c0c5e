# SPDX-License-Identifier: Apache-2.0
"""Every type of operation whose attributes are held to be known, with values for each attribute."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (1, 4, 8, 8)
_F, _I = np.float32, np.int64


class X:
    """Stands for the tensor that an operation takes, of ``SHAPE``."""


@dataclass(frozen=True)
class Case:
    """A type of operation.

    Attributes:
        version: The number of the operation set that defines it.
        maker: The name of the function that makes it, in OpenVINO's Python package.
        inputs: What it takes, in order: ``X``, constants, or lists of them.
        attributes: For each attribute a value, and another with which it is another function.
        along: For attributes that go with other inputs, those by index.
        opset: The operation set whose Python module has the function.
        dtype: Of the tensor that it takes.
    """

    kind: str
    version: int
    maker: str
    inputs: tuple[Any, ...] = (X,)
    attributes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    along: dict[str, dict[int, Any]] = field(default_factory=dict)
    opset: int = 0
    dtype: str = "f32"

    def make(self, taken: openvino.Node, **changed: Any) -> openvino.Node:
        values = {name: pair[0] for name, pair in self.attributes.items()} | changed
        inputs = list(self.inputs)
        for name in changed:
            for index, value in self.along.get(name, {}).items():
                inputs[index] = value
        filled = [_filled(value, taken) for value in inputs]
        names = self._parameters(nodes=True)
        # Those that come first have no names that could be used, in some functions.
        first = next((i for i, name in enumerate(self._names()) if name not in names), len(names))
        later = dict(zip(names[first:], filled[first:], strict=False))
        node = self._function(*filled[:first], **later, **values)
        if self.kind == "NormalizeL2":
            # The function passes it on under a name that OpenVINO does not know.
            node.set_attribute("eps_mode", values["eps_mode"])
        return node

    def told(self) -> set[str]:
        """Return the attributes that the function takes."""
        return set(self._parameters(nodes=False)) - {"name"}

    def _parameters(self, *, nodes: bool) -> list[str]:
        parameters = inspect.signature(inspect.unwrap(self._function)).parameters.values()
        return [
            p.name
            for p in parameters
            if any(word in str(p.annotation) for word in ("Node", "Output")) is nodes
        ]

    def _names(self) -> list[str]:
        return list(inspect.signature(inspect.unwrap(self._function)).parameters)

    @property
    def _function(self) -> Callable[..., openvino.Node]:
        return getattr(getattr(openvino, f"opset{self.opset or self.version}"), self.maker)


def _filled(value: Any, taken: openvino.Node) -> Any:
    if isinstance(value, list):
        return [_filled(each, taken) for each in value]
    if value is X:
        return taken
    return openvino.op.Constant(np.asarray(value, order="C"))


_BROADCAST = {"auto_broadcast": ("NUMPY", "NONE")}
_KEEP = {"keep_dims": (True, False)}
_WINDOW = {
    "strides": ([1, 1], [2, 1]),
    "pads_begin": ([0, 0], [1, 0]),
    "pads_end": ([0, 0], [0, 1]),
    "auto_pad": ("explicit", "same_upper"),
}
_CONV = _WINDOW | {"dilations": ([1, 1], [1, 2])}
_DECONV = _CONV | {"output_padding": ([0, 0], [1, 0])}
# An odd rest of the picture is where rounding up matters.
_POOL = _WINDOW | {
    "strides": ([3, 3], [2, 3]),
    "kernel_shape": ([3, 3], [3, 2]),
    "rounding_type": ("floor", "ceil"),
}
_AVERAGE = _POOL | {"exclude_pad": (True, False)}
_TOP = {"axis": (1, 2), "mode": ("max", "min"), "sort": ("value", "index")}
_INDEX = {"index_element_type": ("i32", "i64")}
_RESIZE = {
    "mode": ("nearest", "linear"),
    "shape_calculation_mode": ("sizes", "scales"),
    "pads_begin": ([0, 0], [1, 0]),
    "pads_end": ([0, 0], [0, 1]),
    "coordinate_transformation_mode": ("half_pixel", "asymmetric"),
    "nearest_mode": ("floor", "ceil"),
    "antialias": (False, True),
    "cube_coeff": (-0.75, -0.5),
}
_SUPPRESS = {
    "box_encoding": ("corner", "center"),
    "sort_result_descending": (True, False),
    "output_type": ("i64", "i32"),
}
_SCATTER = (X, np.zeros((1, 1, 1, 1), _I), np.ones((1, 1, 1, 1), _F), _I(1))
_BOXES = (np.ones((1, 5, 4), _F), np.ones((1, 2, 5), _F), _I(3), _F(0.5), _F(0.1), _F(0))
_FOUR = np.ones(4, _F)
_KERNEL = np.ones((2, 4, 3, 3), _F)

CASES = [
    *(Case(k, 1, k.lower()) for k in ["Abs", "Ceiling", "Cos", "Erf", "Exp", "Floor", "Log"]),
    *(Case(k, 1, k.lower()) for k in ["Negative", "Relu", "Sigmoid", "Sign", "Sin", "Sqrt", "Tanh"]),
    *(
        Case(kind, 1, maker, (X, X), _BROADCAST)
        for kind, maker in {
            "Add": "add", "Divide": "divide", "Equal": "equal", "FloorMod": "floor_mod",
            "Greater": "greater", "GreaterEqual": "greater_equal", "Less": "less",
            "LessEqual": "less_equal", "Maximum": "maximum", "Minimum": "minimum", "Mod": "mod",
            "Multiply": "multiply", "NotEqual": "not_equal", "Power": "power",
            "SquaredDifference": "squared_difference", "Subtract": "subtract",
        }.items()
    ),
    *(Case(f"Logical{k}", 1, f"logical_{k.lower()}", (X, X), _BROADCAST, dtype="boolean") for k in ["And", "Or"]),
    Case("LogicalNot", 1, "logical_not", dtype="boolean"),
    *(Case(f"Reduce{k}", 1, f"reduce_{k.lower()}", (X, np.array([1])), _KEEP) for k in ["Max", "Mean", "Min", "Prod", "Sum"]),
    *(Case(f"Reduce{k}", 4, f"reduce_{k.lower()}", (X, np.array([1])), _KEEP) for k in ["L1", "L2"]),
    Case("AdaptiveAvgPool", 8, "adaptive_avg_pool", (X, np.array([2, 2]))),
    *(Case("AvgPool", v, "avg_pool", (X,), _AVERAGE) for v in (1, 14)),
    Case("AvgPool", 16, "avg_pool", (X,), _AVERAGE | {"dilations": ([1, 1], [1, 2])}),
    *(
        Case("BatchNormInference", v, "batch_norm_inference", (X, *[_FOUR] * 4), {"epsilon": (1e-5, 1e-3)})
        for v in (1, 5)
    ),
    Case("BatchToSpace", 2, "batch_to_space", (X, np.ones(4, _I), np.zeros(4, _I), np.zeros(4, _I))),
    Case("Broadcast", 1, "broadcast", (X, np.array(SHAPE), np.arange(4)), {"mode": ("NUMPY", "EXPLICIT")}),
    Case("Broadcast", 3, "broadcast", (X, np.array(SHAPE)), {"broadcast_spec": ("NUMPY", "BIDIRECTIONAL")}),
    Case("Clamp", 1, "clamp", (X,), {"min_value": (0.0, 0.1), "max_value": (6.0, 6.1)}),
    Case("Concat", 1, "concat", ([X, X],), {"axis": (1, 2)}),
    Case("Convert", 1, "convert", (X,), {"destination_type": ("f16", "i32")}),
    Case("ConvertLike", 1, "convert_like", (X, _I(0))),
    Case("Convolution", 1, "convolution", (X, _KERNEL), _CONV),
    Case("ConvolutionBackpropData", 1, "convolution_backprop_data", (X, np.ones((4, 2, 3, 3), _F)), _DECONV),
    Case("DepthToSpace", 1, "depth_to_space", (X,), {"mode": ("blocks_first", "depth_first"), "block_size": (2, 1)}),
    Case("Elu", 1, "elu", (X,), {"alpha": (1.0, 0.5)}),
    Case("FakeQuantize", 1, "fake_quantize", (X, *[np.ones(SHAPE, _F)] * 4), {"levels": (256, 255)} | _BROADCAST),
    Case("Gather", 1, "gather", (X, np.array([[0]]), _I(1))),
    *(Case("Gather", v, "gather", (X, np.array([[0]]), _I(1)), {"batch_dims": (0, 1)}) for v in (7, 8)),
    Case("GatherElements", 6, "gather_elements", (X, np.zeros(SHAPE, _I)), {"axis": (1, 2)}),
    *(Case("GatherND", v, "gather_nd", (X, np.zeros((1, 1), _I)), {"batch_dims": (0, 1)}) for v in (5, 8)),
    Case("Gelu", 2, "gelu"),
    Case("Gelu", 7, "gelu", (X,), {"approximation_mode": ("erf", "tanh")}),
    Case("GroupConvolution", 1, "group_convolution", (X, np.ones((2, 1, 2, 3, 3), _F)), _CONV),
    Case(
        "GroupConvolutionBackpropData", 1, "group_convolution_backprop_data",
        (X, np.ones((2, 2, 1, 3, 3), _F)), _DECONV,
    ),
    Case("GroupNormalization", 12, "group_normalization", (X, _FOUR, _FOUR), {"num_groups": (2, 4), "epsilon": (1e-5, 1e-3)}),
    Case("HSigmoid", 5, "hsigmoid"),
    Case("HSwish", 4, "hswish"),
    Case("HardSigmoid", 1, "hard_sigmoid", (X, _F(0.2), _F(0.5))),
    Case("Interpolate", 4, "interpolate", (X, np.array([9, 9], _I), np.array([2, 2], _F), np.array([2, 3])), _RESIZE, opset=10),
    Case(
        "Interpolate", 11, "interpolate", (X, np.array([9, 9], _I), np.array([2, 3])), _RESIZE,
        along={"shape_calculation_mode": {1: np.array([2, 2], _F)}},
    ),
    Case("LRN", 1, "lrn", (X, np.array([1])), {"alpha": (1e-4, 1e-3), "beta": (0.75, 0.7), "bias": (1.0, 2.0), "size": (5, 3)}),
    Case("LogSoftmax", 5, "log_softmax", (X,), {"axis": (1, 2)}),
    Case("MVN", 2, "mvn", (X,), {"across_channels": (True, False), "normalize_variance": (True, False), "eps": (1e-6, 1e-5)}),
    Case("MVN", 6, "mvn", (X, np.array([2, 3])), {"normalize_variance": (True, False), "eps": (1e-6, 1e-5), "eps_mode": ("inside_sqrt", "outside_sqrt")}),
    Case("MatMul", 1, "matmul", (X, np.ones((8, 8), _F)), {"transpose_a": (True, False), "transpose_b": (True, False)}),
    Case("MaxPool", 1, "max_pool", (X,), _POOL),
    *(
        Case("MaxPool", v, "max_pool", (X,), _POOL | {"dilations": ([1, 1], [1, 2]), "axis": (0, 1)} | _INDEX)
        for v in (8, 14)
    ),
    Case("Mish", 4, "mish"),
    *(Case("NonMaxSuppression", v, "non_max_suppression", _BOXES, _SUPPRESS) for v in (5, 9)),
    Case("NonZero", 3, "non_zero", (X,), {"output_type": ("i64", "i32")}),
    Case("NormalizeL2", 1, "normalize_l2", (X, np.array([1])), {"eps": (1e-6, 1e-5), "eps_mode": ("add", "max")}),
    Case("OneHot", 1, "one_hot", (np.array([0, 1]), _I(2), _F(1), _F(0)), {"axis": (0, 1)}),
    Case("PRelu", 1, "prelu", (X, _F([0.1]))),
    *(
        Case("Pad", v, "pad", (X, np.zeros(4, _I), np.ones(4, _I), _F(0)), {"pad_mode": ("constant", "edge")})
        for v in (1, 12)
    ),
    Case("Range", 4, "range", (_I(0), _I(5), _I(1)), {"output_type": ("i64", "i32")}, opset=12),
    Case("Reshape", 1, "reshape", (X, np.array([1, -1])), {"special_zero": (True, False)}),
    Case("Round", 5, "round", (X,), {"mode": ("half_to_even", "half_away_from_zero")}),
    Case("ScatterElementsUpdate", 3, "scatter_elements_update", _SCATTER),
    Case("ScatterElementsUpdate", 12, "scatter_elements_update", _SCATTER, {"reduction": ("sum", "prod"), "use_init_val": (True, False)}),
    Case("ScatterNDUpdate", 4, "scatter_nd_update", (X, np.zeros((1, 1), _I), np.ones(SHAPE, _F))),
    Case("ScatterNDUpdate", 15, "scatter_nd_update", (X, np.zeros((1, 1), _I), np.ones(SHAPE, _F)), {"reduction": ("sum", "prod")}),
    Case("ScatterUpdate", 3, "scatter_update", (X, np.array([0]), np.ones((1, 1, 8, 8), _F), _I(1))),
    Case("Select", 1, "select", (np.ones(SHAPE, bool), X, X), _BROADCAST),
    Case("Selu", 1, "selu", (X, _F(1.6), _F(1.05))),
    Case("ShapeOf", 1, "shape_of"),
    Case("ShapeOf", 3, "shape_of", (X,), {"output_type": ("i64", "i32")}),
    Case("ShuffleChannels", 1, "shuffle_channels", (X,), {"axis": (1, 2), "group": (2, 4)}, opset=3),
    Case("Slice", 8, "slice", (X, np.array([0]), np.array([2]), np.array([1]), np.array([1]))),
    Case("SoftPlus", 4, "softplus"),
    Case("SoftSign", 9, "softsign"),
    *(Case("Softmax", v, "softmax", (X,), {"axis": (1, 2)}) for v in (1, 8)),
    Case("SpaceToBatch", 2, "space_to_batch", (X, np.ones(4, _I), np.zeros(4, _I), np.zeros(4, _I))),
    Case("SpaceToDepth", 1, "space_to_depth", (X,), {"mode": ("blocks_first", "depth_first"), "block_size": (2, 4)}),
    Case("Split", 1, "split", (X, _I(1)), {"num_splits": (2, 4)}),
    Case("Squeeze", 1, "squeeze", (X, np.array([0]))),
    Case("Squeeze", 15, "squeeze", (X, np.array([0])), {"allow_axis_skip": (True, False)}),
    Case(
        "StridedSlice", 1, "strided_slice", (X, np.array([0, 1]), np.array([1, 2]), np.array([1, 1])),
        {f"{k}_mask": ([0, 0], [0, 1]) for k in ("begin", "end", "new_axis", "shrink_axis", "ellipsis")},
    ),
    Case("Swish", 4, "swish", (X, _F(1.5))),
    Case("Tile", 1, "tile", (X, np.array([1, 1, 2, 1]))),
    Case("TopK", 1, "topk", (X, _I(2)), _TOP),
    Case("TopK", 3, "topk", (X, _I(2)), _TOP | _INDEX),
    Case("TopK", 11, "topk", (X, _I(2)), _TOP | _INDEX | {"stable": (True, False)}),
    Case("Transpose", 1, "transpose", (X, np.array([0, 2, 3, 1]))),
    Case("Unsqueeze", 1, "unsqueeze", (X, np.array([0]))),
    Case("VariadicSplit", 1, "variadic_split", (X, _I(1), np.array([1, 3]))),
]  # fmt: skip
