# SPDX-License-Identifier: Apache-2.0
"""What it costs to add a model to a loaded trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trunkline
from figures import Finding, Target, ratios, spread
from lab import Measured
from timing import Side, alternate

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Lab
    from trunkline import ModelSet

__all__ = ["adding"]

TARGET = Target("at most", 0.1)


@dataclass(frozen=True, slots=True)
class Case:
    """A model that is added.

    Attributes:
        kind: Its format and, where that differs, its trunk's.
        there: The export whose trunk is loaded already.
        added: The export that is added.
    """

    kind: str
    there: str
    added: str


# A file is recognised where one of its form is loaded already; the first of each form on a trunk is
# read in full. Where there is one real export of a form, it is added again under another name.
CASES = (
    Case("TensorFlow", "fruit-2", "fruit-4"),
    Case("ONNX opset 1", "plankton-4-onnx-opset1", "plankton-5-onnx-opset1"),
    Case("ONNX opset 7, one export twice", "desk-onnx-opset7", "desk-onnx-opset7"),
    Case("Core ML, one export twice", "desk-earlier-coreml", "desk-earlier-coreml"),
    Case("TFLite, one export twice", "fruit-7-tflite", "fruit-7-tflite"),
    Case("TensorFlow of another form", "fruit-2", "lane-explicit-pad"),
    Case("Core ML on a TensorFlow trunk", "fruit-2", "desk-earlier-coreml"),
    Case("TFLite on a TensorFlow trunk", "fruit-7-no-mean", "fruit-7-tflite"),
    Case("ONNX opset 1 on a TensorFlow trunk", "fruit-2", "cat-dog-onnx-opset1"),
    Case("ONNX opset 7 with another activation", "desk-onnx-opset7", "cat-dog-onnx-opset7"),
    Case("ONNX opset 7 on a TensorFlow trunk", "fruit-7-no-mean", "desk-onnx-opset7"),
)


def adding(lab: Lab) -> Measured:
    """Add a model to a loaded trunk, and load it alone, its file read both times."""
    cases = CASES[:1] if lab.quick else CASES
    return Measured([_finding(lab, case) for case in cases])


def _finding(lab: Lab, case: Case) -> Finding:
    there, added = lab.models / case.there, lab.models / case.added
    # A set of its own for each load: what a set has learned from a file must not help the next.
    took = alternate(
        [_fresh("added", there, added), _fresh("alone", None, added)],
        lab.rounds,
        lab.seconds / 2,
    )
    return Finding(
        f"add a model to a loaded trunk: {case.kind}",
        spread(took["added"], "ms"),
        f"to an empty set: {spread(took['alone'], 'ms')}",
        ratios(took["added"], took["alone"]),
        TARGET,
    )


def _fresh(title: str, there: Path | None, added: Path) -> Side:
    """Return a side that adds to a set which is made anew, untimed, after every call."""

    def make() -> ModelSet:
        return trunkline.load(*([there] if there else []))

    waiting = [make()]

    def call() -> None:
        waiting[0].add(second=added)

    def after() -> None:
        if len(waiting[0].plan.parts) != 1:
            raise RuntimeError(f"{added} and {there} are not on one trunk")
        waiting[0] = make()

    return Side(title, call, after=after)
