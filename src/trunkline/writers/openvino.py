# SPDX-License-Identifier: Apache-2.0
"""Writing OpenVINO's own representation: ``model.xml`` with its weights in ``model.bin``."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.graphs.normal_form import normal_form
from trunkline.graphs.rewriting import constant_of, static_shape

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.contracts import InputContract
    from trunkline.models import Model

__all__ = ["INPUT", "OUTPUT", "contract_of", "write"]

INPUT = "data"
# A lone .xml whose output is called as the service's are would be taken for one of its OpenVINO
# exports, which are fed RGB from 0 to 1. What is written here is fed what its model.toml says.
OUTPUT = "probabilities"

_CHANNELS_FIRST = [0, 3, 1, 2]
_CHANNELS_LAST = [0, 2, 3, 1]


def write(model: Model, folder: Path, *, float16: bool = False) -> str:
    """Write a model as ``model.xml`` and ``model.bin``.

    A classifier takes float32 of shape (1, 3, height, width) under the name ``data`` and gives
    (1, labels) under the name ``probabilities``. A detector keeps its own input and outputs. Both
    are fed what the model's contract says, but for a mean that is subtracted in the graph.

    Args:
        model: A model with its graph.
        folder: Where to write; it exists.
        float16: Whether to store the weights in half the bytes. They are widened when the file is
            read, and the graph computes with float32 as before.

    Returns:
        The name of the model file.
    """
    if model.task == "detection" and model.graph is not None:
        graph = model.graph.clone()
    else:
        graph = _classifier(model)
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=float16)
    return "model.xml"


def contract_of(model: Model) -> InputContract:
    """Return what a written model must be fed.

    Detectors are written as they are. A classifier's mean is subtracted in the graph, unless what
    remains of it is divided outside.
    """
    if model.task == "detection":
        return model.contract
    _, contract = normal_form(model.graph, model.contract)
    return replace(contract, layout="NCHW")


def _classifier(model: Model) -> openvino.Model:
    """Return a classifier's normal form with channels first and names of its own."""
    graph, _ = normal_form(model.graph, model.contract)
    old = graph.get_parameters()[0]
    rows, columns = static_shape(old.output(0))[1:3]
    new = ops.parameter([1, 3, rows, columns], old.get_element_type(), name=INPUT)
    for user in list(old.output(0).get_target_inputs()):
        node = user.get_node()
        if _moves_channels_first(node):
            _give(node.output(0), new.output(0))
        else:
            user.replace_source_output(_channels_last(new))
    answer = graph.get_results()[0].input_value(0)
    changed = openvino.Model([ops.result(answer)], [new], "model")
    new.output(0).set_names({INPUT})
    changed.outputs[0].set_names({OUTPUT})
    changed.validate_nodes_and_infer_types()
    _number(changed)
    return changed


def _number(graph: openvino.Model) -> None:
    """Name operations by kind and number: OpenVINO's own names differ from one run to the next."""
    counts: Counter[str] = Counter()
    for node in graph.get_ordered_ops():
        kind = node.get_type_name()
        counts[kind] += 1
        if kind != "Parameter":
            node.set_friendly_name(f"{kind}_{counts[kind]}")


def _moves_channels_first(node: openvino.Node) -> bool:
    order = constant_of(node.input_value(1)) if node.get_type_name() == "Transpose" else None
    return order is not None and order.tolist() == _CHANNELS_FIRST


def _give(old: openvino.Output, new: openvino.Output) -> None:
    for user in list(old.get_target_inputs()):
        user.replace_source_output(new)


def _channels_last(picture: openvino.Node) -> openvino.Output:
    return ops.transpose(picture, ops.constant(np.array(_CHANNELS_LAST))).output(0)
