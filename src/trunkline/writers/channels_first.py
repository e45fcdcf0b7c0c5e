# SPDX-License-Identifier: Apache-2.0
"""Steps for formats whose pictures have their channels first, as ONNX and Core ML."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trunkline.errors import UnsupportedExportError
from trunkline.writers.steps import Step, steps_of

if TYPE_CHECKING:
    from trunkline.models import Model
    from trunkline.writers.steps import Operand, Steps

__all__ = ["channels_first", "classifier_steps"]

_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_CHANGES_COLOURS = frozenset({"Multiply", "Add"})


def classifier_steps(model: Model, what: str, *, input_name: str, output_name: str) -> Steps:
    """Return a classifier's steps for a picture with channels first.

    Args:
        model: A model with its graph.
        what: The format, as a person calls it, for the message.
        input_name: What the picture shall be called.
        output_name: What the probabilities shall be called.

    Raises:
        UnsupportedExportError: It is a detector, or holds an operation that cannot be written.
    """
    if model.task == "detection":
        raise UnsupportedExportError(
            model.source,
            f"it is a detector, and those are not written as {what}; they are as OpenVino, and "
            "compact ones as TensorFlow.",
        )
    return _renamed(channels_first(steps_of(model)), input_name, output_name)


def channels_first(steps: Steps) -> Steps:
    """Return the same steps for a picture of shape (1, 3, height, width).

    What multiplies or adds by channel before the channels are brought to the front does so after,
    to the same values, and bringing them there is dropped.
    """
    moved = {steps.input: steps.input}  # with channels last in the old steps, by the new name
    replaced: dict[str, str] = {}
    found: list[Step] = []
    for step in steps.steps:
        data = step.inputs[0]
        if isinstance(data, str) and data in moved and _brings_to_front(step):
            replaced[step.name] = moved[data]
        elif isinstance(data, str) and data in moved and _is_by_channel(step):
            moved[step.name] = step.name
            found.append(_by_channel(step, moved[data]))
        else:
            backs = [_back(name, found, moved, step) for name in step.inputs]
            found.append(_taking(step, backs, replaced))
    height, width = steps.shape[1:3]
    # The shape is read by position: (1, 3, height, width) here.
    outputs = tuple(replaced.get(name, name) for name in steps.outputs)
    return replace(
        steps,
        contract=replace(steps.contract, layout="NCHW"),
        shape=(1, 3, height, width),
        steps=tuple(found),
        outputs=outputs,
    )


def _brings_to_front(step: Step) -> bool:
    return step.kind == "Transpose" and step.attributes["order"] == _TO_FIRST


def _is_by_channel(step: Step) -> bool:
    other = step.inputs[1] if step.kind in _CHANGES_COLOURS else None
    return isinstance(other, np.ndarray) and other.shape == (1, 1, 1, 3)


def _by_channel(step: Step, data: str) -> Step:
    constant = np.asarray(step.inputs[1]).reshape(1, 3, 1, 1)
    shape = tuple(step.shape[axis] for axis in _TO_FIRST)
    return replace(step, inputs=(data, constant), shape=shape)


def _back(operand: Operand, found: list[Step], moved: dict[str, str], user: Step) -> Operand:
    """Bring the channels back to the end for a step that wants the picture so."""
    if not isinstance(operand, str) or operand not in moved:
        return operand
    name = f"{user.name}/{operand}/channels last"
    if all(step.name != name for step in found):
        shape = next((step.shape for step in found if step.name == moved[operand]), None)
        last = tuple(shape[axis] for axis in _TO_LAST) if shape else user.shape
        found.append(Step("Transpose", name, (moved[operand],), {"order": _TO_LAST}, last))
    return name


def _taking(step: Step, inputs: list[Operand], replaced: dict[str, str]) -> Step:
    named = (replaced.get(each, each) if isinstance(each, str) else each for each in inputs)
    return replace(step, inputs=tuple(named))


def _renamed(steps: Steps, input_name: str, output_name: str) -> Steps:
    """Name the steps by kind and number: OpenVINO's own names differ from one run to the next."""
    names = {steps.input: input_name}
    counts: Counter[str] = Counter()
    for step in steps.steps:
        counts[step.kind] += 1
        names[step.name] = f"{step.kind}_{counts[step.kind]}"
    names[steps.outputs[0]] = output_name
    renamed = tuple(
        replace(
            step,
            name=names[step.name],
            inputs=tuple(names[each] if isinstance(each, str) else each for each in step.inputs),
        )
        for step in steps.steps
    )
    return replace(steps, input=input_name, steps=renamed, outputs=(output_name,))
