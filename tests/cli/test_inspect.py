# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import builders
from trunkline.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def inspect(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    builders.openvino_classifier(folder / "one")
    builders.boxes_detector(folder / "places")
    return folder


def test_each_model_is_described(models: Path) -> None:
    result = inspect(models)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "one"
    assert "places" in lines
    assert f"  source    {models / 'one'}" in lines
    assert "  format    OpenVINO IR" in lines
    assert "  task      multiclass" in lines
    assert "  labels    3: red, green, blue" in lines
    assert "  input     16 x 16 by sample-stretch, RGB, 0 to 255, NHWC float32" in lines
    assert "  decided   order is RGB, because model.toml says so" in lines


def test_json_holds_all_of_it(models: Path) -> None:
    result = inspect("--json", models / "one", models / "places")
    assert result.exit_code == 0
    one, places = map(json.loads, result.stdout.splitlines())
    keys = ["name", "format", "source", "task", "labels", "contract", "decisions"]
    assert list(one) == list(places) == keys
    assert one["labels"] == ["red", "green", "blue"]
    assert one["contract"] == {
        "height": 16,
        "width": 16,
        "preset": "sample-stretch",
        "order": "RGB",
        "layout": "NHWC",
        "dtype": "float32",
        "maximum": 255.0,
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
    }
    order = {"what": "order", "value": "RGB", "because": "model.toml says so"}
    assert order in one["decisions"]
    assert (places["name"], places["task"]) == ("places", "detection")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_broken_one_is_told_and_the_others_are_shown(
    models: Path, tmp_path: Path, as_json: bool
) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing of the kind")
    result = inspect(*(["--json"] if as_json else []), broken, models / "one")
    assert result.exit_code == 2
    if as_json:
        failure, model = map(json.loads, result.stdout.splitlines())
        assert failure["source"] == str(broken)
        assert failure["error"].startswith(str(broken))
        assert (model["name"], result.stderr) == ("one", "")
    else:
        assert result.stderr.startswith(f"trunkline: {broken}: ")
        assert result.stdout.startswith("one\n")


def test_an_export_must_be_named() -> None:
    result = inspect()
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr
