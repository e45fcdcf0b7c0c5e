# SPDX-License-Identifier: Apache-2.0
"""The first call of most programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import builders
from trunkline import ExportError, ModelNameError, ModelSet, load
from trunkline.engine import modelset

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return builders.openvino_classifier(tmp_path_factory.mktemp("exports") / "colours")


def test_it_gives_a_model_set(colours: Path) -> None:
    models = load(colours, other=colours)
    assert isinstance(models, ModelSet)
    assert list(models) == ["colours", "other"]
    assert list(load()) == []


def test_a_bare_name_is_a_path(colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(colours.parent)
    assert list(load("colours", third="colours/model.xml")) == ["colours", "third"]


def test_it_raises_where_one_fails_or_skips_it(colours: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no such file or folder"):
        load(colours, tmp_path / "nowhere")
    models = load(colours, tmp_path / "nowhere", on_error="skip")
    assert list(models) == ["colours"]
    (failure,) = models.failures
    assert str(tmp_path / "nowhere") in str(failure)


def test_names_are_unique(colours: Path) -> None:
    with pytest.raises(ModelNameError, match="'colours'"):
        load(colours, colours=colours)


def test_settings_are_handed_on(colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelset, "available_cores", lambda: 2)
    for told, threads, streams in (
        ({}, 2, 1),
        ({"cores": 1}, 1, 1),
        ({"optimise": "throughput"}, 2, 2),
    ):
        (part,) = load(colours, **told).plan.parts  # type: ignore[arg-type]
        compiled = part.graph._compiled
        assert compiled.get_property("INFERENCE_NUM_THREADS") == threads
        assert compiled.get_property("NUM_STREAMS") == streams
