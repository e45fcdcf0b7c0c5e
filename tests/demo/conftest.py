# SPDX-License-Identifier: Apache-2.0
"""The demonstration's models, trained once on a few of its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import trunkline
from trunkline.demo.training import train_models

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.training.trained import TrainedModel


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def trained(folder: Path) -> list[TrainedModel]:
    (folder / "models").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_CACHE", str(folder / "cache"))
        return train_models(folder / "models", folder / "workspace")


@pytest.fixture(scope="session")
def models(trained: list[TrainedModel], folder: Path) -> trunkline.ModelSet:
    return trunkline.load(folder / "models")
