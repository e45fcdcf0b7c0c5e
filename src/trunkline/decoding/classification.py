# SPDX-License-Identifier: Apache-2.0
"""A classifier's output to a ``Classification``."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from trunkline.decoding.activations import sigmoid, softmax
from trunkline.decoding.candidates import unfit
from trunkline.predictions import Classification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from trunkline.decoding.activations import Floats

__all__ = ["Activation", "ClassificationDecoder"]

Activation = Literal["none", "softmax", "sigmoid"]

_ACTIVATIONS: Mapping[Activation, Callable[[Floats], Floats]] = MappingProxyType(
    {"none": lambda values: values, "softmax": softmax, "sigmoid": sigmoid}
)


@dataclass(frozen=True, slots=True)
class ClassificationDecoder:
    """Reads the probabilities of all labels from a graph's first output.

    Attributes:
        task: The task of the classification: ``"multiclass"`` or ``"multilabel"``.
        activation: What is still to be applied to the output; ``"none"`` where the graph does it
            itself, as every Custom Vision classifier does.
    """

    task: Literal["multiclass", "multilabel"]
    activation: Activation = "none"

    def __call__(
        self, outputs: Sequence[NDArray[np.float32]], labels: tuple[str, ...]
    ) -> Classification:
        """Decode.

        Args:
            outputs: The first is of shape (1, labels), or any other with one value per label.
            labels: The model's labels, in the order of the output.

        Returns:
            The probabilities in a read-only array of its own. A value beyond 0 to 1 becomes 0 or
            1, and a NaN becomes 0, so that the answer can always be ranked and written as JSON.

        Raises:
            ExportError: The first output has not one value per label.
        """
        values = np.asarray(outputs[0], np.float32).reshape(-1)
        if not labels or len(values) != len(labels):
            raise unfit(f"the first holds {len(values)} values for {len(labels)} labels")
        activated = _ACTIVATIONS[self.activation](values)
        # fmax and fmin, unlike clip, take the number where the other side is NaN. They copy, too:
        # the engine will write the next frame's answer into the array it lent.
        probabilities = np.fmin(np.fmax(activated, np.float32(0)), np.float32(1))
        probabilities.flags.writeable = False
        return Classification(self.task, labels, probabilities)
