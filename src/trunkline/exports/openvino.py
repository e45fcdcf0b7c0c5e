# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's own representation: an ``.xml`` of operations and a ``.bin`` of weights beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.errors import ExportError
from trunkline.exports.network import Network
from trunkline.exports.runtime import read_graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read"]


def read(path: Path) -> Network:
    """Read an ``.xml`` and the ``.bin`` of the same stem beside it.

    Raises:
        ExportError: Either file is missing, or they are damaged.
    """
    if not path.with_suffix(".bin").is_file():
        raise ExportError(path, f"its weights, {path.stem}.bin, are not beside it. Put them there.")
    with path.open("rb") as file:
        if b"<net" not in file.read(4096):
            raise ExportError(path, "this is not an OpenVINO model (no <net> in it).")
    return Network(graph=read_graph(path, path), format="OpenVINO IR")
