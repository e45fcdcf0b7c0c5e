# SPDX-License-Identifier: Apache-2.0
"""Models and servers for the tests of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from server import ownapi
from server.living import listening
from trunkline.server import app as app_module
from trunkline.server import operating
from trunkline.server.assembly import assemble
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trunkline.server.context import Server


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports: "colours" (multiclass), "hues" (multilabel) and "places" (detection)."""
    folder = tmp_path_factory.mktemp("models")
    builders.openvino_classifier(folder / "colours")
    builders.onnx_classifier(folder / "hues")
    builders.boxes_detector(folder / "places")
    return folder


@pytest.fixture(scope="session")
def loaded(model_folder: Path) -> trunkline.ModelSet:
    """A model set of them, not to be changed."""
    return trunkline.load(model_folder)


@pytest.fixture(scope="module")
def make_server(
    loaded: trunkline.ModelSet, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Make a ready server with these settings, and with no keys unless it is given a file."""
    made: list[Server] = []
    nowhere = tmp_path_factory.mktemp("keys") / "none.json"

    def make(models: trunkline.ModelSet | None = None, **settings: object) -> Server:
        given = {"keys_file": nowhere, **settings}
        server = assemble(Settings.model_validate(given), loaded if models is None else models)
        server.state.ready = True
        made.append(server)
        return server

    yield make
    for server in made:
        server.plane.close()


@pytest.fixture(scope="module")
def apis() -> Iterator[None]:
    """Of all APIs, serve only that for tests and that for those who run the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "_APIS", (operating, ownapi))
        yield


@pytest.fixture(scope="module")
def serving(make_server: Callable[..., Server], apis: None) -> Iterator[str]:
    """The address of a server that listens."""
    with listening(make_server()) as address:
        yield address
