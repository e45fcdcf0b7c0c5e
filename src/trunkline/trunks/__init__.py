# SPDX-License-Identifier: Apache-2.0
"""Pretrained trunks: where new heads are put on."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.trunks.borrowed import borrow
    from trunkline.trunks.joining import with_head
    from trunkline.trunks.registry import available, get
    from trunkline.trunks.sources import TrunkInfo, TrunkSource
    from trunkline.trunks.trunk import Trunk

__all__ = ["Trunk", "TrunkInfo", "TrunkSource", "available", "borrow", "get", "with_head"]

_HOMES = {
    "Trunk": "trunkline.trunks.trunk",
    "TrunkInfo": "trunkline.trunks.sources",
    "TrunkSource": "trunkline.trunks.sources",
    "available": "trunkline.trunks.registry",
    "borrow": "trunkline.trunks.borrowed",
    "get": "trunkline.trunks.registry",
    "with_head": "trunkline.trunks.joining",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
