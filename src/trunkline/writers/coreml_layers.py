# SPDX-License-Identifier: Apache-2.0
"""Steps as layers of a Core ML network of specification 1 to 4.

Core ML keeps every value as (sequence, batch, channels, rows, columns): a step's (1, channels,
rows, columns), or (1, channels) with rows and columns of one. Formulas: the messages of
``NeuralNetwork.proto`` in Apple's Core ML format reference.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.writers.coreml_words import WEIGHTED, WORDS, is_by_channel
from trunkline.writers.steps import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trunkline.errors import UnsupportedExportError
    from trunkline.writers.steps import Operand, Step, Steps

__all__ = ["Layers"]

_SINCE_FLOAT16 = 2
_LARGEST_FLOAT16 = 65504.0


class Layers:
    """Adds the layers of a model to a network.

    Args:
        network: A ``NeuralNetworkClassifier``.
        steps: The model, channels first.
        float16: Whether to store weights in half the bytes.

    Attributes:
        version: The specification that the layers added so far need.
    """

    def __init__(self, network: Any, steps: Steps, *, float16: bool) -> None:  # noqa: ANN401
        self._network, self._steps, self._float16 = network, steps, float16
        self.version = _SINCE_FLOAT16 if float16 else 1
        self._users = Counter(
            name for step in steps.steps for name in step.inputs if isinstance(name, str)
        )

    def add_all(self) -> None:
        """Add every step, a layer's bias as part of the layer.

        Raises:
            UnsupportedExportError: There is no such layer in these specifications.
        """
        steps = list(self._steps.steps)
        while steps:
            step = steps.pop(0)
            bias = self._bias(step, steps[0]) if steps else None
            output = steps.pop(0).name if bias is not None else step.name
            self._add(step, output, bias)

    def _bias(self, step: Step, following: Step) -> NDArray[Any] | None:
        """Return what the next step adds to each channel of a convolution or dense layer."""
        if step.kind not in WEIGHTED or self._users[step.name] != 1 or following.kind != "Add":
            return None
        data, added = following.inputs
        if data != step.name or isinstance(added, str) or added.size != step.shape[1]:
            return None
        return added.reshape(-1) if is_by_channel(added, len(step.shape)) else None

    def _add(self, step: Step, output: str, bias: NDArray[Any] | None) -> None:
        if step.kind in WEIGHTED:
            WEIGHTED[step.kind](self, step, output, bias)
        elif step.kind in WORDS:
            WORDS[step.kind](self, step)
        else:
            raise self.refused(step)

    def refused(self, step: Step) -> UnsupportedExportError:
        """Return the error for a step that these specifications have no layer for."""
        return refusal(self._steps, step, "Core ML")

    def layer(self, step: Step, inputs: Sequence[Operand], output: str | None = None) -> Any:  # noqa: ANN401
        """Return a new layer that takes some values, which must not be constants."""
        if any(not isinstance(name, str) for name in inputs):
            raise self.refused(step)
        layer = self._network.layers.add(name=output or step.name)
        layer.input.extend(inputs)
        layer.output.append(output or step.name)
        return layer

    def store(self, params: Any, values: NDArray[Any]) -> None:  # noqa: ANN401
        """Put values into a ``WeightParams``, in row-major order."""
        # Biases and means, one number per channel, are few, and more is lost by rounding them.
        weights = sum(length > 1 for length in values.shape) > 1
        if self._float16 and weights and np.abs(values).max() <= _LARGEST_FLOAT16:
            params.float16Value = values.astype("<f2").tobytes()
        else:
            params.floatValue.extend(values.reshape(-1).tolist())

    def since(self, version: int) -> None:
        """Note that a layer needs a specification."""
        self.version = max(self.version, version)
