# SPDX-License-Identifier: Apache-2.0
"""Where trunks come from: what the registry keeps, and what other packages add to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trunkline.trunks.trunk import Trunk

__all__ = ["TrunkInfo", "TrunkSource"]


@dataclass(frozen=True, slots=True)
class TrunkInfo:
    """What a person wants to know before taking a trunk.

    Attributes:
        name: What ``trunkline.trunks.get`` takes.
        title: The network's own name.
        package: The package that its weights come from, as pip knows it.
        licence: The licence of the weights.
        installed: Whether the package is there.
        features: How many features it gives.
        size: Rows and columns of the pictures it takes.
        extra: The extra of ``trunkline`` that brings the package, if one does.
        problem: Why it cannot be used though it is installed, as a sentence; empty if it can.
    """

    name: str
    title: str
    package: str
    licence: str
    installed: bool
    features: int
    size: int
    extra: str | None = None
    problem: str = ""


class TrunkSource(Protocol):
    """A trunk that can be had: an object, or a module, with these two.

    A package adds one by an entry point of the group ``trunkline.trunks``, under the trunk's
    name::

        [project.entry-points."trunkline.trunks"]
        my-trunk = "my_package.trunk"
    """

    @property
    def info(self) -> TrunkInfo:
        """What it is; finding out is quick and never raises."""
        ...

    def load(self) -> Trunk:
        """Build it.

        Raises:
            TrunklineError: It cannot be built; the message says what to do.
        """
        ...
