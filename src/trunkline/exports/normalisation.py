# SPDX-License-Identifier: Apache-2.0
"""What a graph itself does to its input before the first real operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import openvino
    from numpy.typing import NDArray

__all__ = ["Normalisation", "find_normalisation"]

# Operations that move or retype values without changing them.
_MOVES = frozenset({"Convert", "Transpose", "Reshape", "Squeeze", "Unsqueeze"})
_ARITHMETIC = frozenset({"Add", "Subtract", "Multiply", "Divide"})


@dataclass(frozen=True, slots=True)
class Normalisation:
    """``value * scale + shift``, per channel, applied inside the graph.

    Attributes:
        scale: Three factors, in the tensor's channel order.
        shift: Three summands, in the tensor's channel order.
    """

    scale: tuple[float, float, float]
    shift: tuple[float, float, float]

    @property
    def mean(self) -> tuple[float, float, float]:
        """The input values that become zero."""
        blue_or_red, green, other = (
            -shift / scale if scale else 0.0
            for scale, shift in zip(self.scale, self.shift, strict=True)
        )
        return blue_or_red, green, other

    @property
    def is_identity(self) -> bool:
        """True where the graph leaves its input as it is."""
        return self.scale == (1.0, 1.0, 1.0) and self.shift == (0.0, 0.0, 0.0)


def find_normalisation(graph: openvino.Model) -> Normalisation:
    """Follow a graph from its input, and sum up the per-channel arithmetic that comes first.

    Args:
        graph: A graph with one input.

    Returns:
        The composed scale and shift; the identity where the first operation is a real one.
    """
    scale, shift = np.ones(3), np.zeros(3)
    port = graph.inputs[0]
    while (node := _only_consumer(port)) is not None:
        kind = node.get_type_name()
        if kind == "BatchNormInference":
            factor, summand = _batch_norm(node)
            scale, shift = scale * factor, shift * factor + summand
        elif kind in _ARITHMETIC:
            constant = _per_channel(node, port)
            if constant is None:
                break
            scale, shift = _compose(kind, scale, shift, constant)
        elif kind not in _MOVES:
            break
        port = node.output(0)
    return Normalisation(_triple(scale), _triple(shift))


def _only_consumer(port: openvino.Output) -> openvino.Node | None:
    # Shape-of and the like look at the tensor without using its values.
    users = [
        i.get_node() for i in port.get_target_inputs() if i.get_node().get_type_name() != "ShapeOf"
    ]
    return users[0] if len(users) == 1 else None


def _per_channel(node: openvino.Node, data: openvino.Output) -> NDArray[np.float64] | None:
    """Return the constant operand as one value or three; None where there is no such constant."""
    first, second = (node.input_value(i) for i in (0, 1))
    data_first = first.get_node().get_friendly_name() == data.get_node().get_friendly_name()
    if not data_first and node.get_type_name() in {"Divide", "Subtract"}:
        return None
    value = constant_value(second if data_first else first)
    return value.reshape(-1) if value is not None and value.size in {1, 3} else None


def constant_value(port: openvino.Output) -> NDArray[np.float64] | None:
    """Return a constant's value, seen through retyping and reshaping; None for anything else."""
    node = port.get_node()
    while node.get_type_name() in _MOVES:
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        return None
    return np.asarray(node.get_data(), dtype=np.float64)


def _batch_norm(node: openvino.Node) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scale and shift of ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``."""
    gamma, beta, mean, variance = (constant_value(node.input_value(i)) for i in range(1, 5))
    if gamma is None or beta is None or mean is None or variance is None or gamma.size != 3:
        return np.ones(3), np.zeros(3)
    factor = gamma / np.sqrt(variance + node.get_attributes()["epsilon"])
    return factor, beta - mean * factor


def _compose(
    kind: str, scale: NDArray[np.float64], shift: NDArray[np.float64], by: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    match kind:
        case "Multiply":
            return scale * by, shift * by
        case "Divide":
            return scale / by, shift / by
        case "Subtract":
            return scale, shift - by
        case _:
            return scale, shift + by


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    first, second, third = (float(v) for v in values)
    return first, second, third
