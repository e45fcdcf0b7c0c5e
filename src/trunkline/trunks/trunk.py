# SPDX-License-Identifier: Apache-2.0
"""A trunk that new heads are put on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino

    from trunkline.contracts import InputContract

__all__ = ["Trunk"]


@dataclass(frozen=True, eq=False)
class Trunk:
    """A network without its last layer, whose output a new dense layer takes.

    Attributes:
        name: What it is called: ``"efficientnet-lite0"``, or the path of the model it comes from.
        graph: One input, as ``contract`` says, for one picture; one output, float32 of shape
            (1, features). Normalisation of the input is inside.
        contract: What the graph must be fed: NHWC, BGR, 0 to 255 for the trunks of packages.
        features: How many features it gives.
        identity: Hexadecimal digest of what the graph computes; trunks with equal identities and
            contracts give equal features.
        platform: The platform of the exports that models trained on it become by default:
            ``"ONNX"``, ``"TensorFlow"`` and so on, as in ``trunkline.writers.targets``.
        flavor: The flavor within the platform; None for the platform's own form.
    """

    name: str
    graph: openvino.Model
    contract: InputContract
    features: int
    identity: str
    platform: str = "ONNX"
    flavor: str | None = None
