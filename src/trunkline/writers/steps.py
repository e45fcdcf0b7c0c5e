# SPDX-License-Identifier: Apache-2.0
"""A model as a list of steps: the small vocabulary that every writer translates.

The steps are those of the normal form, so that one network is written alike whatever it was read
from, and reads back as the network it was. Pictures go in as float32, 0 to 255, channels last; the
first step brings the channels to the front, and all windows and channel axes count from there.
What the contract asks of numbers (a maximum of 1, a mean, a deviation) becomes steps; the order of
the channels stays the contract's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.errors import UnsupportedExportError
from trunkline.graphs.normal_form import normal_form
from trunkline.graphs.rewriting import constant_of, inputs_of, static_shape
from trunkline.writers.vocabulary import VOCABULARY, NotSayableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino
    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.models import Model
    from trunkline.predictions import Task

    Operand = str | NDArray[Any]

__all__ = ["INPUT", "Step", "Steps", "refusal", "steps_of"]

INPUT = "Placeholder"
"""The name of the input: the service's."""


@dataclass(frozen=True, eq=False)
class Step:
    """One operation with one output.

    Attributes:
        kind: What is done, as OpenVINO calls it; see ``trunkline.writers.vocabulary``.
        name: The output's: the kind and a number. What OpenVINO calls it is not the same twice.
        inputs: What it is done to: names of earlier steps, ``INPUT``, or constants (float32).
        attributes: How it is done; by ``kind``.
        shape: The output's, the picture's axis first; -1 where a length varies.
    """

    kind: str
    name: str
    inputs: tuple[Operand, ...]
    attributes: Mapping[str, Any]
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Steps:
    """A model, ready to be written.

    Attributes:
        source: Where the model was read from; for messages.
        task: ``"multiclass"``, ``"multilabel"`` or ``"detection"``.
        contract: What is fed: NHWC, float32, 0 to 255, nothing subtracted or divided.
        shape: The input's: (1, height, width, 3); -1 where sizes vary from picture to picture.
        steps: In an order in which each comes after those it takes.
        outputs: The names of the steps that give the outputs, in the order the decoder takes them.
        labels: In the order of the output.
        input: The name of the input among the steps' inputs.
    """

    source: str
    task: Task
    contract: InputContract
    shape: tuple[int, ...]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    labels: tuple[str, ...]
    input: str = INPUT


def steps_of(model: Model) -> Steps:
    """Return a model as steps.

    Args:
        model: One with a graph; it is left as it is.

    Raises:
        UnsupportedExportError: It holds an operation that no format can be written with, or it is
            a model of a model set, which has no graph of its own.
    """
    if model.graph is None:
        raise UnsupportedExportError(
            model.source, "a model in a set cannot be written; read its export again."
        )
    graph, contract = normal_form(model.graph, model.contract)
    picture = graph.get_parameters()[0]
    shape = tuple(static_shape(picture.output(0)))
    found = _scaling(contract, shape)
    names = {_port(picture.output(0)): found[-1].name if found else INPUT}
    for node in graph.get_ordered_ops():
        if node.get_type_name() not in {"Parameter", "Constant", "Result"}:
            _translate(node, names, found, model.source)
    return Steps(
        source=model.source,
        task=model.task,
        contract=replace(contract, dtype="float32", maximum=255.0, mean=(0.0,) * 3, std=(1.0,) * 3),
        shape=shape,
        steps=tuple(found),
        outputs=tuple(names[_port(result.input_value(0))] for result in graph.get_results()),
        labels=model.labels,
    )


def refusal(steps: Steps, step: Step, what: str) -> UnsupportedExportError:
    """Return the error for a step that a format has no words for.

    Args:
        steps: The model.
        step: The step at fault.
        what: The format, as a person calls it: ``"ONNX"``, ``"TensorFlow Lite"``.
    """
    return UnsupportedExportError(
        steps.source,
        f"its operation {step.kind} (step {step.name!r}) cannot be said in {what}. "
        "Export the model to another format.",
    )


def _port(port: openvino.Output) -> tuple[str, int]:
    return port.get_node().get_friendly_name(), port.get_index()


def _scaling(contract: InputContract, shape: tuple[int, ...]) -> list[Step]:
    """Return what brings 0 to 255 to the range that the graph wants: ``pixel * factor + shift``."""
    std, mean = np.array(contract.std, np.float64), np.array(contract.mean, np.float64)
    found: list[Step] = []
    changes = ("Multiply", contract.maximum / 255 / std, 1), ("Add", -mean / std, 0)
    for kind, values, idle in changes:
        if (values != idle).any():
            taken = found[-1].name if found else INPUT
            constant = values.astype(np.float32).reshape(1, 1, 1, 3)
            found.append(Step(kind, _name(kind, found), (taken, constant), {}, shape))
    return found


def _name(kind: str, found: list[Step]) -> str:
    return f"{kind}_{len(found) + 1}"


def _translate(
    node: openvino.Node, names: dict[tuple[str, int], str], found: list[Step], source: str
) -> None:
    """Add the steps for the outputs of an operation that anything uses, and note their names."""
    kind = node.get_type_name()
    used = [port for port in node.outputs() if port.get_target_inputs()]
    try:
        if kind not in VOCABULARY:
            raise NotSayableError(kind)
        meanings = [VOCABULARY[kind](node, port.get_index()) for port in used]
    except NotSayableError as error:
        raise UnsupportedExportError(
            source,
            f"its operation {error} ({node.get_friendly_name()!r}) cannot be written to another "
            "format.",
        ) from error
    taken = [_operand(port, names) for port in inputs_of(node)]
    for port, (word, attributes, count) in zip(used, meanings, strict=True):
        # Only between types of numbers that float32 holds all of.
        name = str(taken[0]) if word == "Convert" else _name(word, found)
        names[_port(port)] = name
        if word != "Convert":
            shape = tuple(static_shape(port))
            found.append(Step(word, name, tuple(taken[:count]), attributes, shape))


def _operand(port: openvino.Output, names: Mapping[tuple[str, int], str]) -> Operand:
    values = constant_of(port)
    if values is None:
        return names[_port(port)]
    # A copy, for the view dies with the graph.
    return values.astype(np.float32) if values.dtype.kind == "f" else values.copy()
