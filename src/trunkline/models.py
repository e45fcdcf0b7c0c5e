# SPDX-License-Identifier: Apache-2.0
"""A model: an export that has been read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import openvino
    from numpy.typing import NDArray

    from trunkline.contracts import Decision, InputContract
    from trunkline.predictions import Prediction, Task

__all__ = ["Decoder", "Model"]


class Decoder(Protocol):
    """Turns a graph's raw outputs for one frame into a prediction; see ``trunkline.decoding``."""

    def __call__(
        self, outputs: Sequence[NDArray[np.float32]], labels: tuple[str, ...]
    ) -> Prediction:
        """Decode.

        Args:
            outputs: The graph's outputs for one frame, batch axis first, in the graph's order.
            labels: The model's labels, in the order of its classes.
        """
        ...


@dataclass(frozen=True, eq=False)
class Model:
    """An export that has been read: everything needed to run it, and why it is run so.

    Attributes:
        name: What the model is called in a model set.
        labels: What it can answer, in the order of its output.
        task: ``"multiclass"``, ``"multilabel"`` or ``"detection"``.
        contract: What the graph must be fed.
        graph: The network, with one input and the outputs in the order ``decoder`` takes them;
            None for a model in a model set, which holds the networks of all as one.
        decoder: Turns the graph's outputs into a prediction.
        format: The format it was read from: ``"TensorFlow"``, ``"ONNX"`` and so on.
        source: Where it was read from.
        decisions: What was decided while reading, and why.
        notes: What was odd about the export and was mended, as clauses.
    """

    name: str
    labels: tuple[str, ...]
    task: Task
    contract: InputContract
    graph: openvino.Model | None
    decoder: Decoder
    format: str
    source: str
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()

    def renamed(self, name: str) -> Model:
        """Return the same model under another name."""
        return replace(self, name=name)
