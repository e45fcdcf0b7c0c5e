# SPDX-License-Identifier: Apache-2.0
"""A server's parts know one another, and the settings reach them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trunkline.errors import TrunklineError
from trunkline.server.assembly import assemble
from trunkline.server.faults import BadRequestError
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_server_begins_empty_and_not_ready(model_folder: Path, tmp_path: Path) -> None:
    settings = Settings(
        models=(str(model_folder),), keys_file=tmp_path / "none.json", max_pixels=99, cores=1
    )
    server = assemble(settings)
    assert not server.state.ready
    assert not server.plane.models
    assert server.repository is not None
    server.repository.scan()
    assert [each.model for each in server.directory.all()] == ["colours", "hues", "places"]
    with pytest.raises(BadRequestError, match="99 allowed"):
        asyncio.run(server.plane.predict(np.zeros((10, 10, 3), np.uint8)))
    assert 'trunkline_pictures_total{outcome="picture"} 1.0' in server.metrics.text()[0].decode()
    server.plane.close()


def test_broken_keys_are_refused(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(TrunklineError, match="not a file of keys"):
        assemble(Settings(keys_file=tmp_path / "keys.json"))
