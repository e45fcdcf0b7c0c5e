# SPDX-License-Identifier: Apache-2.0
"""Units into a model set: together where they are new, one by one where they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import builders
from trunkline.engine.modelset import ModelSet
from trunkline.errors import UnsupportedExportError
from trunkline.server.held import Held
from trunkline.server.layout import Root, look
from trunkline.server.loadingunits import Loader

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def units(folder: Path) -> list[Held]:
    return [Held(unit) for unit in look(Root(folder), "latest")]


def test_new_units_are_planned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        builders.onnx_classifier(tmp_path / name)
    builders.openvino_classifier(tmp_path / "versioned" / "7")
    models, added = ModelSet(), []
    add = models.add

    def counted(*exports: object, **named: object) -> None:
        added.append(exports)
        add(*exports, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(models, "add", counted)
    held = units(tmp_path)
    Loader(models).add(held)
    assert [len(each) for each in added] == [3, 1]
    assert [set(each.names) for each in held] == [{"a"}, {"b"}, {"c"}, {"versioned"}]


def test_each_unit_has_its_own_problem(tmp_path: Path) -> None:
    builders.onnx_classifier(tmp_path / "good")
    (tmp_path / "bad.zip").write_bytes(b"PK")
    builders.onnx_classifier(tmp_path / "labelless")
    (tmp_path / "labelless" / "model.toml").write_text("task = 5")
    held = {each.unit.name: each for each in units(tmp_path) if each.unit}
    Loader(ModelSet()).add(list(held.values()))
    assert not held["good"].problem
    assert "bad.zip" in held["bad"].problem
    assert "model.toml" in held["labelless"].problem


def test_what_cannot_be_compiled_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.onnx_classifier(tmp_path / "hues")
    models = ModelSet()
    loader, (held,) = Loader(models), units(tmp_path)
    loader.add([held])

    def refuse(**named: object) -> None:
        raise UnsupportedExportError("hues", "it cannot be compiled.")

    monkeypatch.setattr(models, "replace", refuse)
    assert held.unit
    loader.update(held, held.unit)
    assert held.problem == "hues: it cannot be compiled."
    assert list(models) == ["hues"]
    loader.drop(held)
    assert not models


def test_an_update_adds_what_is_new_and_says_what_is_taken(tmp_path: Path) -> None:
    builders.onnx_classifier(tmp_path / "one" / "hues")
    builders.openvino_classifier(tmp_path / "two" / "hues" / "1")
    models = ModelSet()
    loader = Loader(models)
    (first,), (second,) = units(tmp_path / "one"), units(tmp_path / "two")
    loader.add([first])
    loader.add([second])
    assert "loaded already" in second.problem
    assert (second.names, second.waits) == (frozenset(), frozenset({"hues"}))
    loader.drop(first)
    assert second.unit
    loader.update(second, second.unit)
    assert (second.problem, second.names) == ("", frozenset({"hues"}))
