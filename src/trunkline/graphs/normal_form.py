# SPDX-License-Identifier: Apache-2.0
"""The normal form: one network looks the same, whatever format and exporter it came from.

OpenVINO's own model-optimiser transformations do most of it: they fold shape arithmetic, fuse
explicit padding into what follows, and turn batch normalisation into a product and a sum. What
they leave is done here. Every rule keeps the function exactly, but for one: a mean taken by an
average pool over the whole picture becomes a mean reduction, whose sum may round differently. It
does so for every model alike, alone or among others.
"""

from __future__ import annotations

import itertools
from dataclasses import replace as with_changes

import numpy as np
import openvino
from openvino import opset13 as ops
from openvino._offline_transformations import apply_moc_transformations

from trunkline.contracts import InputContract, Preset
from trunkline.graphs.plain import TO_CHANNELS_FIRST, TO_CHANNELS_LAST, fold_constants, plain_form
from trunkline.graphs.rewriting import apply_rules
from trunkline.graphs.rules import RULES, widen_constants

__all__ = ["normal_form"]


def normal_form(
    graph: openvino.Model, contract: InputContract
) -> tuple[openvino.Model, InputContract]:
    """Return the normal form of a graph, for one picture at a time, and what it must be fed.

    The input's layout becomes NHWC, and a mean that the contract subtracted is subtracted in the
    graph, so that more models are fed the same tensor. No two operations have the same friendly
    name, which OpenVINO itself does not promise.

    Args:
        graph: A network with one input; it is left as it is.
        contract: What it must be fed.

    Raises:
        RuntimeError: The graph does not take the contract's shape.
    """
    graph = graph.clone()
    graph.reshape(_shape(contract, contract.layout))
    graph, contract = _with_common_input(graph, contract)
    # First, for OpenVINO fuses little with constants that it takes to be compressed.
    widen_constants(graph)
    graph = plain_form(graph) or _by_openvino(graph)
    graph.validate_nodes_and_infer_types()
    _tell_names_apart(graph)
    return graph, contract


def _by_openvino(graph: openvino.Model) -> openvino.Model:
    """Bring a network of any kind into normal form, in place."""
    apply_moc_transformations(graph, True, False)  # noqa: FBT003 - a binding without keywords
    fold_constants(graph)
    apply_rules(graph, RULES)
    fold_constants(graph)
    return graph


def _shape(contract: InputContract, layout: str) -> list[int]:
    """Return the input's shape: one picture, -1 where sizes vary from picture to picture."""
    fixed = contract.preset is not Preset.DETECTOR_COMPACT
    height, width = (contract.height, contract.width) if fixed else (-1, -1)
    return [1, height, width, 3] if layout == "NHWC" else [1, 3, height, width]


def _with_common_input(
    graph: openvino.Model, contract: InputContract
) -> tuple[openvino.Model, InputContract]:
    """Begin the graph with an NHWC input and whatever the contract did to it before."""
    old = graph.get_parameters()[0]
    new = ops.parameter(_shape(contract, "NHWC"), old.get_element_type(), name="picture")
    port = ops.transpose(new, ops.constant(np.array(TO_CHANNELS_FIRST, np.int64))).output(0)
    in_graph = contract.std == (1.0, 1.0, 1.0) and contract.dtype == "float32"
    if in_graph and any(contract.mean):
        summand = -np.array(contract.mean, np.float32).reshape(1, 3, 1, 1)
        port = ops.add(port, ops.constant(summand)).output(0)
    if contract.layout == "NHWC":
        # Most such graphs begin with the opposite step, and OpenVINO drops both.
        port = ops.transpose(port, ops.constant(np.array(TO_CHANNELS_LAST, np.int64))).output(0)
    for user in list(old.output(0).get_target_inputs()):
        user.replace_source_output(port)
    sources = [result.input_value(0) for result in graph.get_results()]
    names = [result.output(0).get_names() for result in graph.get_results()]
    changed = openvino.Model(sources, [new], graph.get_friendly_name())
    for output, kept in zip(changed.outputs, names, strict=True):
        output.set_names(kept)
    mean = (0.0, 0.0, 0.0) if in_graph else contract.mean
    return changed, with_changes(contract, layout="NHWC", mean=mean)


def _tell_names_apart(graph: openvino.Model) -> None:
    nodes = graph.get_ordered_ops()
    names = {node.get_friendly_name() for node in nodes}
    numbers = itertools.count(2)
    seen: set[str] = set()
    for node in nodes:
        name = node.get_friendly_name()
        if name in seen:
            numbered = (f"{name} {number}" for number in numbers)
            name = next(other for other in numbered if other not in names)
            node.set_friendly_name(name)
        seen.add(name)
