# SPDX-License-Identifier: Apache-2.0
"""What features have in common that may be compared with each other."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import openvino
import PIL

if TYPE_CHECKING:
    from trunkline.trunks.trunk import Trunk

__all__ = ["SCHEMA", "space_of"]

SCHEMA = 1
"""Raised when the same picture, trunk and view give other features than before, or are kept so."""


def space_of(trunk: Trunk) -> bytes:
    """Return a digest of everything about features but the picture and the view.

    Trunkline's version is not in it, so an update keeps what is known. Pillow's and OpenVINO's
    are: another decoder or resize gives other pixels, another compiler other last digits.

    Returns:
        16 bytes.
    """
    parts = {
        "schema": SCHEMA,
        "trunk": trunk.identity,
        "contract": asdict(trunk.contract),
        "pillow": PIL.__version__,
        "openvino": openvino.__version__,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()[:16]
