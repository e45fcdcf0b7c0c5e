# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

import builders
from trunkline.cli.sources import LoadedSources, ModelSource, load_sources, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("models/", ModelSource(Path("models"))),
        ("fruit=models/fruit", ModelSource(Path("models/fruit"), "fruit")),
        ("fruit-2.old=a=b.zip", ModelSource(Path("a=b.zip"), "fruit-2.old")),
        ("früchte=x", ModelSource(Path("x"), "früchte")),
        ("models/a=b", ModelSource(Path("models/a=b"))),
        ("two words=x", ModelSource(Path("two words=x"))),
        ("=x", ModelSource(Path("=x"))),
        ("name=", ModelSource(Path("name="))),
        ("-x=y", ModelSource(Path("-x=y"))),
        ("a" * 5000, ModelSource(Path("a" * 5000))),
    ],
)
def test_a_name_is_a_plain_word_before_the_equals_sign(text: str, source: ModelSource) -> None:
    assert parse_source(text) == source


def test_what_exists_as_a_whole_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run=3").mkdir()
    assert parse_source("run=3") == ModelSource(Path("run=3"))
    assert parse_source("run=4") == ModelSource(Path("4"), "run")


def test_named_and_unnamed_models_load_in_order_and_broken_ones_are_told(tmp_path: Path) -> None:
    first = builders.openvino_classifier(tmp_path / "first")
    missing = tmp_path / "missing"
    models, failures = load_sources(
        [
            # A name that is also a parameter of ModelSet.add.
            ModelSource(first, "on_error"),
            ModelSource(missing, "named"),
            ModelSource(first),
            ModelSource(missing),
            ModelSource(first, "first"),
        ]
    )
    assert list(models) == ["on_error", "first"]
    assert [str(missing) in str(failure) for failure in failures] == [True, True, False]
    assert "Two models are called 'first'" in str(failures[2])


def test_what_was_loaded_is_read_and_loaded_again(tmp_path: Path) -> None:
    first = builders.openvino_classifier(tmp_path / "models" / "first")
    builders.onnx_classifier(tmp_path / "models" / "second")
    (tmp_path / "models" / "broken.tflite").write_bytes(b"nothing of the kind")
    sources = (ModelSource(tmp_path / "models"), ModelSource(first, "named"), ModelSource(first))
    models, failures = load_sources(sources)
    assert len(failures) == 2
    loaded = LoadedSources(sources, frozenset(models))
    assert [model.name for model in loaded.read()] == list(models) == ["first", "second", "named"]
    assert all(model.graph for model in loaded.read())
    assert list(loaded.load("throughput")) == list(models)
