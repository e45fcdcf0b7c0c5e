# SPDX-License-Identifier: Apache-2.0
"""What is said about models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from trunkline.server.faults import NotFoundError
from trunkline.server.listings import described, listing, trunk_numbers
from trunkline.server.metrics import shape_of
from trunkline.server.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trunkline.server.context import Server


def test_models_of_one_trunk_have_one_number(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        builders.onnx_classifier(tmp_path / name)
    builders.boxes_detector(tmp_path / "alone")
    numbers = trunk_numbers(trunkline.load(tmp_path).plan)
    assert numbers == {"a": 1, "alone": 2, "b": 1, "c": 1}
    assert trunk_numbers(trunkline.ModelSet().plan) == {}


def test_real_models_of_one_trunk_have_one_number(shared: Path) -> None:
    same = ["fruit-2", "fruit-4", "desk-earlier-coreml"]
    other = ["landmarks-other-trunk", "apple-orange-container-2025"]
    models = trunkline.load(*(shared / "models" / name for name in (*same, *other)))
    numbers = trunk_numbers(models.plan)
    assert [numbers[name] for name in same] == [1, 1, 1]
    assert len({numbers[name] for name in other} | {1}) == shape_of(models.plan).trunks == 3


def test_what_does_not_answer_says_why(make_server: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK nothing")
    server = make_server(trunkline.ModelSet())
    repository = Repository(server.plane.models, [str(tmp_path)], server.settings)
    repository.scan()
    found = listing(server, repository)
    assert found["models"] == []
    (failure,) = found["failures"]
    assert (failure["name"], failure["state"]) == ("broken", "UNAVAILABLE")
    with pytest.raises(NotFoundError, match=r"broken\.zip"):
        described(server, repository, "broken")
