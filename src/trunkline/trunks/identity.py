# SPDX-License-Identifier: Apache-2.0
"""What tells trunks apart: what they compute, whatever they are called and wherever they come from.

The identity is that of ``trunkline.graphs.identity`` on the normal form, so the trunk of a
package, of an export trained on it, and of that export in another format have it in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.graphs.merging import outline

if TYPE_CHECKING:
    import openvino

    from trunkline.contracts import InputContract
    from trunkline.graphs.merging import Tensor

__all__ = ["tensor_identity", "trunk_identity"]


def trunk_identity(graph: openvino.Model, contract: InputContract) -> str:
    """Return the hexadecimal digest of what a trunk computes.

    Args:
        graph: A network with one input and one output; it is left as it is.
        contract: What it is fed.
    """
    return tensor_identity(outline(graph, contract).outputs[0])


def tensor_identity(features: Tensor) -> str:
    """Return the same of a tensor in an outline."""
    return f"{features.identity.hex()}{features.port:02x}"
