# SPDX-License-Identifier: Apache-2.0
r"""The label lookup at the end of an ONNX classifier.

The service's ONNX exports of 2018 do not end in their probabilities. A ``ZipMap`` makes a
dictionary of them, and ArgMax and ArrayFeatureExtractor pick the best label from a constant::

    Softmax ---> ZipMap -------------------------------> loss (sequence of maps)
            \--> ArgMax ---> ArrayFeatureExtractor ----> classLabel (strings)
                   Constant (labels) --/

Neither has a place in a graph of tensors, and OpenVINO refuses both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import helper

from trunkline.errors import UnsupportedExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cut_label_lookup", "lookup_labels"]

# What converters put around the lookup of labels that are numbers.
_MOVES = frozenset({"Cast", "Reshape", "Squeeze", "Identity"})


def cut_label_lookup(graph: onnx.GraphProto, source: Path) -> tuple[str, ...] | None:
    """Make the probabilities the output of a graph that ends in a label lookup.

    Args:
        graph: Changed in place: the output of ``ZipMap`` becomes the tensor it was made from,
            under the same name; the output that holds the best label goes. Other outputs stay.
            Nodes that lead to no output any more are left for ``drop_unused``.
        source: The model's file, for the message.

    Returns:
        The labels, in output order; None where the graph holds no ``ZipMap``.

    Raises:
        UnsupportedExportError: There are several such lookups.
    """
    found = [node for node in graph.node if node.op_type == "ZipMap"]
    if not found:
        return None
    if len(found) > 1:
        raise UnsupportedExportError(
            source, f"it holds {len(found)} label lookups (ZipMap); Trunkline runs one per model."
        )
    lookup = found[0]
    graph.node.remove(lookup)
    probabilities = _name_probabilities(graph, lookup.input[0], lookup.output[0])
    _replace_outputs(graph, lookup.output[0], probabilities)
    return _labels(lookup)


def lookup_labels(graph: onnx.GraphProto) -> tuple[str, ...] | None:
    """Return the labels of the lookup that a graph ends in; None where it holds no ``ZipMap``."""
    return next((_labels(node) for node in graph.node if node.op_type == "ZipMap"), None)


def _labels(lookup: onnx.NodeProto) -> tuple[str, ...]:
    attributes = {a.name: a for a in lookup.attribute}
    if "classlabels_int64s" in attributes:
        return tuple(str(number) for number in attributes["classlabels_int64s"].ints)
    return tuple(text.decode() for text in attributes["classlabels_strings"].strings)


def _name_probabilities(graph: onnx.GraphProto, old: str, new: str) -> str:
    """Rename the tensor of probabilities, unless it is an output under its own name already."""
    if any(value.name == old for value in graph.output):
        return old
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    return new


def _replace_outputs(graph: onnx.GraphProto, dictionary: str, probabilities: str) -> None:
    """Put the probabilities in the dictionary's place, and drop the best label."""
    makers = {name: node for node in graph.node for name in node.output}
    kept = [
        value
        for value in graph.output
        if not _is_best_label(value.name, makers)
        and (value.name != dictionary or probabilities == dictionary)
    ]
    for value in kept:
        if value.name == dictionary:
            # ZipMap takes float32 and nothing else; its own type was a sequence of maps.
            value.type.CopyFrom(helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None))
    del graph.output[:]
    graph.output.extend(kept)


def _is_best_label(name: str, makers: dict[str, onnx.NodeProto]) -> bool:
    """Return whether a tensor is what ArrayFeatureExtractor picked, moved or retyped perhaps."""
    for _ in makers:  # at most so many steps: a damaged graph may run in a ring
        node = makers.get(name)
        if node is None or node.op_type not in _MOVES:
            return node is not None and node.op_type == "ArrayFeatureExtractor"
        name = node.input[0]
    return False
