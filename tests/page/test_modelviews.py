# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import builders
import trunkline
from trunkline.page import modelviews
from trunkline.page.modelviews import ModelViews

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_models_are_told_with_what_they_share_and_how_they_do(tmp_path: Path) -> None:
    models = trunkline.load(builders.openvino_classifier(tmp_path / "colours"))
    models.add(builders.boxes_detector(tmp_path / "places"))
    colours, places = ModelViews(models).views({"colours": 2.5}, {"places": 0.1})
    assert (colours.name, colours.task, colours.labels) == (
        "colours", "multiclass", builders.COLOURS,
    )  # fmt: skip
    assert (colours.rate, colours.latency) == (2.5, None)
    assert (places.task, places.rate, places.latency) == ("detection", 0.0, 0.1)
    assert (colours.sharing, places.sharing) == (1, 1)
    assert colours.trunk != places.trunk


def test_what_they_share_is_worked_out_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    shares = modelviews.shares
    monkeypatch.setattr(modelviews, "shares", lambda plan: made.append(1) or shares(plan))
    models = trunkline.load(builders.openvino_classifier(tmp_path / "colours"))
    views = ModelViews(models)
    assert len(views.views({}, {})) == len(views.views({}, {})) == 1
    assert len(made) == 1
    models.add(builders.onnx_classifier(tmp_path / "hues"))
    assert [each.name for each in views.views({}, {})] == ["colours", "hues"]
    assert len(made) == 2
