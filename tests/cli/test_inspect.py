# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import builders
from engine.families import export
from trunkline.cli import drawing, main
from trunkline.engine import overview
from trunkline.errors import UnsupportedExportError

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.models import Model


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
    one, places, sharing = map(json.loads, result.stdout.splitlines())
    keys = ["name", "format", "source", "task", "labels", "contract", "decisions", "notes"]
    assert list(one) == list(places) == keys
    assert list(sharing) == ["trunks", "totals", "differences"]
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
        failure, model, sharing = map(json.loads, result.stdout.splitlines())
        assert sharing["totals"]["models"] == 1
        assert failure["source"] == str(broken)
        assert failure["error"].startswith(str(broken))
        assert (model["name"], result.stderr) == ("one", "")
    else:
        assert result.stderr.startswith(f"trunkline: {broken}: ")
        assert result.stdout.startswith("one\n")
        assert "1 model, 1 trunk: " in result.stdout


def test_an_export_must_be_named() -> None:
    result = inspect()
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models on one trunk, and one on another that differs in its second layer."""
    folder = tmp_path_factory.mktemp("family")
    for number, labels in enumerate((3, 2, 5)):
        export(folder / f"on-one-{number}", (1, 2), labels=labels, seed=number)
    export(folder / "on-another", (1, 3))
    return folder


def test_what_models_share_is_shown(family: Path) -> None:
    result = inspect(family)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["trunk", "MACs", "weights", "memory"] in lines
    (one,) = (line for line in lines if line[1:3] == ["3", "models"])
    after = lines[lines.index(one) + 1 : lines.index(one) + 4]
    assert [line[:4] for line in after] == [
        ["on-one-0", "3", "labels", "packed"],
        ["on-one-1", "2", "labels", "packed"],
        ["on-one-2", "5", "labels", "packed"],
    ]
    assert (
        "4 models, 2 trunks: 5.6 M instead of 11.2 M multiply-accumulates per frame, "
        "23.2 kB instead of 45.4 kB of weights, about 1"
    ) in result.stdout
    assert f"({'on-another'}) and {one[0]} (on-one-0 and 2 more):" in result.stdout


def test_what_models_share_as_json(family: Path) -> None:
    result = inspect("--json", family)
    *models, sharing = map(json.loads, result.stdout.splitlines())
    assert len(models) == 4
    one, other = sharing["trunks"]
    assert [model["name"] for model in one["models"]] == ["on-one-0", "on-one-1", "on-one-2"]
    assert {model["head"] for model in one["models"]} == {"packed"}
    assert one["after"] == []
    with_sharing, without = (sharing["totals"][key] for key in ("with_sharing", "without_sharing"))
    assert without["macs"] - with_sharing["macs"] == 2 * one["macs"]
    assert with_sharing["memory_bytes"] < without["memory_bytes"]
    (difference,) = sharing["differences"]
    assert (difference["trunk"], difference["other"]) == (other["id"], one["id"])


def test_a_graph_that_cannot_be_run_is_told_too(
    family: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(model: Model) -> None:
        raise UnsupportedExportError(model.source, "it cannot be run.")

    monkeypatch.setattr(overview, "outline_of", refused)
    result = inspect("--json", family / "on-another")
    assert result.exit_code == 2
    _, failure, sharing = map(json.loads, result.stdout.splitlines())
    assert failure["error"] == f"{family / 'on-another'}: it cannot be run."
    assert sharing["trunks"] == []


@pytest.mark.parametrize(("name", "begin"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml")])
def test_it_is_drawn(family: Path, tmp_path: Path, name: str, begin: bytes) -> None:
    result = inspect("--plot", tmp_path / name, family)
    assert result.exit_code == 0, result.output
    assert (tmp_path / name).read_bytes().startswith(begin)


def test_what_cannot_be_drawn_is_said_before_anything_is_read(
    family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = inspect("--plot", tmp_path / "a.jpg", family)
    assert result.exit_code == 2
    assert "ends in neither .png nor .svg" in result.stderr
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    result = inspect("--plot", tmp_path / "a.png", family)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "pip install 'trunkline[plot]'" in result.stderr


def test_a_place_that_cannot_be_written_is_said(family: Path, tmp_path: Path) -> None:
    result = inspect("--plot", tmp_path / "nowhere" / "a.png", family)
    assert result.exit_code == 2
    assert "the picture cannot be written here (No such file or directory)" in result.stderr


def test_nothing_to_draw_draws_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"nothing of the kind")
    result = inspect("--plot", tmp_path / "a.png", tmp_path / "broken.tflite")
    assert (result.exit_code, result.stdout) == (2, "")
    assert not (tmp_path / "a.png").exists()
