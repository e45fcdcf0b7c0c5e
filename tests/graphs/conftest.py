# SPDX-License-Identifier: Apache-2.0
"""The real exports, each brought into normal form once for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trunkline.exports.reading import read_models
from trunkline.graphs.merging import Outline, outline
from trunkline.models import Model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def outlines(shared: Path) -> Mapping[str, Outline]:
    """The outlines of the real exports that come with their weights, by folder."""
    folders = [path for path in (shared / "models").iterdir() if path.is_dir()]
    return {
        folder.name: read(folder)
        for folder in sorted(folders)
        if not folder.name.endswith("graph-only")
    }


def read(path: Path) -> Outline:
    """Return the outline of the only model in a folder."""
    (model,) = read_models(path)
    assert isinstance(model, Model)
    assert model.graph is not None
    return outline(model.graph, model.contract)
