# SPDX-License-Identifier: Apache-2.0
"""Feeding a model a tensor that its user has made ready, in place of a picture.

The tensor is what the model's own input contract asks for, as the export itself was fed: its
layout, channel order, range and mean. A model set feeds all models in one layout and subtracts a
mean in the graph, so the tensor is brought to that first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.contracts import Preset
from trunkline.errors import ModelNameError
from trunkline.server.faults import BadRequestError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.engine.answers import Answers
    from trunkline.engine.modelset import ModelSet
    from trunkline.engine.plan import Plan

__all__ = ["fed", "tensor_shape"]

# The compact detectors' network halves its input five times; their contract's sides are open.
_STRIDE = 32


def tensor_shape(contract: InputContract) -> tuple[int, int, int]:
    """Return the shape of the tensor for one picture, -1 where it may vary."""
    varies = contract.preset is Preset.DETECTOR_COMPACT
    height, width = (-1, -1) if varies else (contract.height, contract.width)
    return (height, width, 3) if contract.layout == "NHWC" else (3, height, width)


def fed(models: ModelSet, name: str, tensor: NDArray[Any]) -> Answers:
    """Return a model's answer for a tensor.

    Args:
        models: Where the model is.
        name: The model.
        tensor: Of the contract's element type and of the shape ``tensor_shape`` gives.

    Raises:
        BadRequestError: The tensor has another element type or shape.
        ModelNameError: The model is not loaded.
    """
    plan = models.plan  # one plan all along: another may be put in force meanwhile
    if name not in plan.entries:
        raise ModelNameError(f"No model is called {name!r}. Loaded: {', '.join(plan.entries)}.")
    own = plan.entries[name].model.contract
    _check(tensor, own, name)
    narrowed = plan.narrowed([name])
    return narrowed.answer(_inputs(tensor, own, narrowed))


def _check(tensor: NDArray[Any], contract: InputContract, name: str) -> None:
    wanted = tensor_shape(contract)
    if tensor.dtype != contract.dtype or not _fits(tensor.shape, wanted):
        size = "x".join("?" if side < 0 else str(side) for side in wanted)
        more = f", with sides that are multiples of {_STRIDE}" if -1 in wanted else ""
        found = "x".join(map(str, tensor.shape))
        raise BadRequestError(
            f"The tensor for model {name!r} must be {contract.dtype} of shape {size}{more}; "
            f"this is {tensor.dtype} of shape {found}."
        )


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        side == other or (other < 0 < side and side % _STRIDE == 0)
        for side, other in zip(shape, wanted, strict=True)
    )


def _inputs(tensor: NDArray[Any], own: InputContract, plan: Plan) -> dict[Any, NDArray[Any]]:
    """Return the tensor as the plan's one input; a model has no more."""
    channels_last = tensor if own.layout == "NHWC" else tensor.transpose(1, 2, 0)
    return {
        key: _with_mean(channels_last, own, common)[np.newaxis]
        for key, common in plan.inputs.items()
    }


def _with_mean(tensor: NDArray[Any], own: InputContract, common: InputContract) -> NDArray[Any]:
    """Add what the user has subtracted and the graph subtracts once more."""
    difference = np.subtract(own.mean, common.mean)
    if not any(difference):
        return np.ascontiguousarray(tensor)
    return np.ascontiguousarray(tensor + difference.astype(tensor.dtype))
