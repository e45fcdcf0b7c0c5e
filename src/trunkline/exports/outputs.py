# SPDX-License-Identifier: Apache-2.0
"""Which task a graph does, and how its raw outputs become a prediction.

The graph decides first: the names and shapes of its outputs and the operation that makes them.
A ``model.toml`` overrides it, for graphs that the service never wrote.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import openvino

from trunkline.contracts import Decision, Layout
from trunkline.decoding import (
    COMPACT_ANCHORS,
    BoxesDecoder,
    ClassificationDecoder,
    YoloGridDecoder,
    YoloRowsDecoder,
)
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.settings import OutputSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.exports.network import Network
    from trunkline.exports.settings import ModelSettings
    from trunkline.models import Decoder
    from trunkline.predictions import Task

__all__ = ["Answer", "Case", "decide_answer", "names_of"]

AnyDetector = TypeVar("AnyDetector", BoxesDecoder, YoloGridDecoder, YoloRowsDecoder)

# Boxes decided in the graph: S1 detectors of the service, and the TensorFlow Object Detection API.
_SERVICE_BOXES = ("detected_boxes", "detected_scores", "detected_classes")
_API_BOXES = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
_CLASSIFIER_NAMES = ("model_outputs", "model_output", "loss")
# Operations through which a softmax or sigmoid is still the last word.
_MOVES = frozenset({"Convert", "Reshape", "Squeeze", "Unsqueeze", "Transpose"})


@dataclass(frozen=True, eq=False)
class Answer:
    """How a graph answers.

    Attributes:
        task: What it does.
        graph: The network with only the outputs that ``decoder`` takes, in its order.
        decoder: Turns those outputs into a prediction.
        label_count: How many labels the outputs tell apart; None where the graph does not say.
        decisions: What was decided, and why.
    """

    task: Task
    graph: openvino.Model
    decoder: Decoder
    label_count: int | None
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """Everything the decision may look at.

    Attributes:
        network: The graph as read.
        metadata: ``metadata_properties.json`` and what the file itself says, merged.
        settings: The export's ``model.toml``, if it has one.
        layout: The layout of the graph's input, which that of a grid of boxes follows.
        size: Width and height of the input, which boxes in pixels are fractions of.
        source: What the person gave, for messages.
    """

    network: Network
    metadata: Mapping[str, str]
    settings: ModelSettings | None
    layout: Layout
    size: tuple[int, int]
    source: str

    @property
    def output(self) -> OutputSettings:
        """The ``[output]`` of ``model.toml``; empty where there is none."""
        return self.settings.output if self.settings else OutputSettings()

    @property
    def outputs(self) -> dict[str, openvino.Output]:
        """The graph's outputs by each of their names."""
        return {n: port for port in self.network.graph.outputs for n in names_of(port)}


def decide_answer(case: Case) -> Answer:
    """Decide the task of a graph and how it is decoded.

    Raises:
        ExportError: The outputs do not fit what ``model.toml`` says.
        UnsupportedExportError: The outputs are of no known kind.
    """
    if case.output.decode is not None:
        return _as_told(case)
    found = case.outputs
    if all(name in found for name in _SERVICE_BOXES):
        return _boxes(case, [found[n] for n in _SERVICE_BOXES], "xyxy", 0, "it has detected_boxes")
    if all(name in found for name in _API_BOXES[:3]):
        ports = [found[n] for n in _API_BOXES if n in found]
        return _boxes(case, ports, "yxyx", 1, "its outputs are those of the Object Detection API")
    port = _single_output(case)
    if _rank(port) == 4:
        return _yolo_grid(case, port, "its output is a grid of boxes")
    return _classifier(case, port)


def names_of(port: openvino.Output) -> set[str]:
    """Return a tensor's names without TensorFlow's output index."""
    return {name.removesuffix(":0") for name in port.get_names()}


def _as_told(case: Case) -> Answer:
    """Decode as model.toml says."""
    out = case.output
    ports = (
        [_named(case, n) for n in out.tensors] if out.tensors else list(case.network.graph.outputs)
    )
    because = "model.toml says so"
    match out.decode:
        case "boxes":
            return _boxes(case, ports, out.corners or "xyxy", out.first_class or 0, because)
        case "yolo-grid":
            return _yolo_grid(case, ports[0], because)
        case "yolo-rows":
            return _yolo_rows(case, ports[0], because)
        case decode:
            return _told_classifier(case, ports[0], decode)


def _told_classifier(case: Case, port: openvino.Output, decode: str | None) -> Answer:
    task: Literal["multiclass", "multilabel"] = (
        "multilabel" if case.settings and case.settings.task == "multilabel" else "multiclass"
    )
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    if decode == "logits":
        activation = "softmax" if task == "multiclass" else "sigmoid"
    decoder = ClassificationDecoder(task, activation)
    because = f"model.toml says so, and that the outputs are {decode}"
    return _answer(case.network.graph, [port], decoder, _last_dimension(port), because)


def _classifier(case: Case, port: openvino.Output) -> Answer:
    last = _last_operation(port)
    if last == "Softmax":
        because = "the graph ends in a softmax"
        task: Literal["multiclass", "multilabel"] = "multiclass"
    elif last == "Sigmoid":
        because = "the graph ends in a sigmoid (every export before mid-2018 does)"
        task = "multilabel"
    else:
        raise UnsupportedExportError(
            case.source,
            f"its output comes from {last}, neither softmax nor sigmoid. Put a model.toml beside "
            'it with a task and, under [output], decode = "logits" or "probabilities".',
        )
    told = case.settings.task if case.settings else None
    if told in {"multiclass", "multilabel"} and told != task:
        task, because = told, "model.toml says so"
    return _answer(
        case.network.graph, [port], ClassificationDecoder(task), _last_dimension(port), because
    )


def _boxes(
    case: Case,
    ports: Sequence[openvino.Output],
    corners: Literal["xyxy", "yxyx"],
    first_class: int,
    because: str,
) -> Answer:
    if len(ports) < 3:
        raise ExportError(
            case.source,
            f"boxes need three outputs (boxes, scores, classes) and the graph has {len(ports)}. "
            "Name them in model.toml: [output] tensors = [...], in that order.",
        )
    decoder = _with_limits(BoxesDecoder(corners=corners, first_class=first_class), case)
    return _answer(case.network.graph, ports[:4], decoder, None, because)


def _yolo_grid(case: Case, port: openvino.Output, because: str) -> Answer:
    anchors = case.output.anchors or _metadata_anchors(case.metadata) or COMPACT_ANCHORS
    decoder = _with_limits(YoloGridDecoder(anchors, case.layout), case)
    shape = port.get_partial_shape()
    channels = shape[3 if case.layout == "NHWC" else 1]
    per_anchor = _length(channels) / len(decoder.anchors)
    if per_anchor != int(per_anchor) or per_anchor < 6:
        raise UnsupportedExportError(
            case.source,
            f"its output {shape} is not a grid of {len(decoder.anchors)} boxes with at least one "
            "class each. Say in model.toml how it is to be decoded.",
        )
    return _answer(case.network.graph, [port], decoder, int(per_anchor) - 5, because)


def _yolo_rows(case: Case, port: openvino.Output, because: str) -> Answer:
    objectness = bool(case.output.objectness)
    transposed = bool(case.output.transposed)
    decoder = _with_limits(YoloRowsDecoder(objectness, case.size, transposed), case)
    columns = _length(port.get_partial_shape()[1 if transposed else 2]) if _rank(port) == 3 else 0
    count = columns - (5 if objectness else 4)
    if count < 1:
        raise ExportError(
            case.source,
            f"its output {port.get_partial_shape()} does not hold rows of boxes with classes. "
            "Check objectness and transposed in model.toml.",
        )
    return _answer(case.network.graph, [port], decoder, count, because)


def _with_limits(decoder: AnyDetector, case: Case) -> AnyDetector:
    """Set the thresholds that model.toml states; what it leaves out keeps its default."""
    told = {name: getattr(case.output, name) for name in ("threshold", "iou", "limit")}
    return replace(decoder, **{name: v for name, v in told.items() if v is not None})


def _answer(
    graph: openvino.Model,
    ports: Sequence[openvino.Output],
    decoder: Decoder,
    label_count: int | None,
    because: str,
) -> Answer:
    task = decoder.task if isinstance(decoder, ClassificationDecoder) else "detection"
    if list(ports) != list(graph.outputs):
        # The node before each result: results themselves are made anew.
        sources = [port.get_node().input_value(0) for port in ports]
        graph = openvino.Model(sources, graph.get_parameters(), graph.get_friendly_name())
    return Answer(task, graph, decoder, label_count, (Decision("task", task, because),))


def _single_output(case: Case) -> openvino.Output:
    outputs = case.network.graph.outputs
    if len(outputs) == 1:
        return outputs[0]
    for name in _CLASSIFIER_NAMES:
        if name in case.outputs:
            return case.outputs[name]
    listed = ", ".join(sorted(case.outputs)) or "without names"
    raise UnsupportedExportError(
        case.source,
        f"it has {len(outputs)} outputs ({listed}) and none is known. Put a model.toml beside it "
        "that names the right ones under [output] tensors, and says how to decode them.",
    )


def _named(case: Case, name: str) -> openvino.Output:
    try:
        return case.outputs[name.removesuffix(":0")]
    except KeyError:
        listed = ", ".join(sorted(case.outputs))
        raise ExportError(
            case.source,
            f"model.toml names an output {name!r} that the graph does not have; it has: {listed}.",
        ) from None


def _last_operation(port: openvino.Output) -> str:
    node = port.get_node().input_value(0).get_node()
    while node.get_type_name() in _MOVES:
        node = node.input_value(0).get_node()
    return str(node.get_type_name())


def _rank(port: openvino.Output) -> int:
    rank = port.get_partial_shape().rank
    return int(rank.get_length()) if rank.is_static else 0


def _last_dimension(port: openvino.Output) -> int | None:
    shape = port.get_partial_shape()
    if not shape.rank.is_static or not len(shape):
        return None
    sizes = [_length(d) for d in list(shape)[1:]] or [_length(shape[0])]
    return math.prod(sizes) or None


def _length(dimension: openvino.Dimension) -> int:
    """Return a dimension's length; 0 where it is not known before a picture comes."""
    return int(dimension.get_length()) if dimension.is_static else 0


def _metadata_anchors(metadata: Mapping[str, str]) -> tuple[tuple[float, float], ...] | None:
    try:
        values = json.loads(metadata.get("CustomVision.Postprocess.Yolo.Biases", "[]"))
        pairs = zip(values[::2], values[1::2], strict=True)
        return tuple((float(w), float(h)) for w, h in pairs) or None
    except (ValueError, TypeError):
        return None
