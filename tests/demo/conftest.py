# SPDX-License-Identifier: Apache-2.0
"""The demonstration's exports, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import trunkline
from trunkline.demo.exports import MadeExport, make_exports

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[MadeExport]:
    return make_exports(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def models(made: list[MadeExport]) -> trunkline.ModelSet:
    return trunkline.load(made[0].folder.parent)


@pytest.fixture
def mixed(made: list[MadeExport], tmp_path: Path) -> trunkline.ModelSet:
    """Two models with different input contracts."""
    first, second = (export.folder for export in made[:2])
    other = tmp_path / "other"
    other.mkdir()
    for file in second.iterdir():
        (other / file.name).write_bytes(file.read_bytes().replace(b'"RGB"', b'"BGR"'))
    return trunkline.load(colour=first, shape=other)
