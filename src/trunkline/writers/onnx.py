# SPDX-License-Identifier: Apache-2.0
"""Writing ONNX: one file, opset 14, channels first.

The service's newer ONNX exports say in ``metadata_props`` how the picture is to be fed, and the
programs written for them read that, the names and the type of the input from the file. The input
is called ``data``, as in every real export; the one output is the tensor ``model_outputs``, and
not the sequence of maps, ``loss``, and the best label, ``classLabel``, of the exports of 2018.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trunkline import __version__
from trunkline.writers.channels_first import classifier_steps
from trunkline.writers.onnx_nodes import node_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.models import Model
    from trunkline.writers.steps import Step, Steps

__all__ = ["INPUT", "OUTPUT", "write"]

INPUT, OUTPUT = "data", "model_outputs"

_OPSET, _IR_VERSION = 14, 7  # ONNX 1.9 of 2021, which ONNX Runtime reads since 1.8
_BATCH = "None"  # the open axis is called so in the service's exports
_LARGEST_FLOAT16 = 65504.0


def write(model: Model, folder: Path, *, float16: bool = False) -> str:
    """Write a classifier as ``model.onnx``.

    It takes ``data``, float32 of shape (any, 3, height, width), 0 to 255, in the order that its
    metadata says, and gives ``model_outputs``, float32 of shape (any, labels). Where an operation
    joins the pictures of a batch, both are for one picture. The weights are stored as they are.
    The same model gives the same bytes.

    Args:
        model: A model with its graph.
        folder: Where to write; it exists.
        float16: Whether to store weights in half the bytes. They are widened in the graph, which
            computes with float32.

    Returns:
        The name of the model file.

    Raises:
        UnsupportedExportError: It is a detector, or holds an operation that cannot be written.
    """
    steps = classifier_steps(model, "ONNX", input_name=INPUT, output_name=OUTPUT)
    written = _model(steps, _Graph(steps, float16=float16))
    data = written.SerializeToString(deterministic=True)
    onnx.checker.check_model(data)
    (folder / "model.onnx").write_bytes(data)
    return "model.onnx"


class _Graph:
    """Collects nodes and weights."""

    def __init__(self, steps: Steps, *, float16: bool) -> None:
        self._float16 = float16
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.open = _takes_batches(steps)
        for step in steps.steps:
            operands = [
                each if isinstance(each, str) else self._constant(step, index, each)
                for index, each in enumerate(step.inputs)
            ]
            self.nodes += node_of(steps, step, operands, self._add, open_batch=self.open)

    def _constant(self, step: Step, index: int, values: NDArray[Any]) -> str:
        if step.kind == "GroupConvolution" and index == 1:
            # (groups, out / groups, ...) of OpenVINO is (out, ...) of ONNX, in the same order.
            values = values.reshape(-1, *values.shape[2:])
        return self._add(f"{step.name}/{index}", values)

    def _add(self, name: str, values: NDArray[Any]) -> str:
        """Store a constant, and return the name of the tensor that has its values."""
        if self._float16 and _is_narrowed(values):
            stored = f"{name}/float16"
            self.weights.append(numpy_helper.from_array(values.astype(np.float16), stored))
            self.nodes.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
        else:
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _is_narrowed(values: NDArray[Any]) -> bool:
    """Tell whether values are weights, none of which overflows.

    Biases and means, one number per channel, are few, and more is lost by rounding them.
    """
    weights = values.dtype == np.float32 and sum(length > 1 for length in values.shape) > 1
    return bool(weights and np.abs(values).max(initial=0) <= _LARGEST_FLOAT16)


def _takes_batches(steps: Steps) -> bool:
    """Tell whether every step keeps several pictures apart, all along the first axis."""
    return all(
        step.shape[:1] == (1,) and _keeps_first_axis(step) and _is_alike_for_all(step)
        for step in steps.steps
    )


def _keeps_first_axis(step: Step) -> bool:
    order = step.attributes.get("order", (0,))
    along = step.attributes.get("axes", (step.attributes.get("axis", 1),))
    return order[0] == 0 and 0 not in along and not step.attributes.get("transpose_a", False)


def _is_alike_for_all(step: Step) -> bool:
    """Tell whether constants do not speak of the one picture's axis: each has length 1 there."""
    if step.kind in {"MatMul", "Convolution", "GroupConvolution"}:
        return isinstance(step.inputs[0], str) and not isinstance(step.inputs[1], str)
    if step.kind == "Pad":
        return not (step.attributes["begin"][0] or step.attributes["end"][0])
    constants = [each for each in step.inputs if not isinstance(each, str)]
    if step.kind == "Concat" and constants:
        return False
    rank = len(step.shape)
    return all(each.ndim < rank or each.shape[0] == 1 for each in constants)


def _model(steps: Steps, graph: _Graph) -> onnx.ModelProto:
    batch: int | str = _BATCH if graph.open else 1
    picture = [batch, *steps.shape[1:]]
    labels = [batch, *next(s.shape for s in steps.steps if s.name == OUTPUT)[1:]]
    made = helper.make_graph(
        graph.nodes,
        "model",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, picture)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, labels)],
        graph.weights,
    )
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="trunkline",
        producer_version=__version__,
    )
    helper.set_model_props(model, _told(steps.contract))
    return model


def _told(contract: InputContract) -> dict[str, str]:
    """Return the metadata by which programs decide how to feed a picture."""
    return {
        "Image.BitmapPixelFormat": "Bgr8" if contract.order == "BGR" else "Rgb8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "NominalRange_0_255",
    }
