# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import builders
from trunkline.cli.evaluate import evaluate_command
from trunkline.cli.faults import PoliteGroup

if TYPE_CHECKING:
    from pathlib import Path


def evaluate(*arguments: str | Path) -> Result:
    group = PoliteGroup()
    group.add_command(evaluate_command)
    return CliRunner().invoke(group, ["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    builders.openvino_classifier(folder / "one")
    builders.onnx_classifier(folder / "many")
    builders.boxes_detector(folder / "places")
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for number in range(3):
        builders.picture(folder / "red" / f"{number}.png", (255, number, 0))
        builders.picture(folder / "blue" / f"{number}.png", (0, number, 255))
    builders.picture(folder / "blue" / "odd.png", (0, 255, 0))
    builders.picture(folder / "untagged.png", (130, 128, 0))
    return folder


def test_the_figures_are_printed(models: Path, pictures: Path) -> None:
    result = evaluate(models / "one", pictures)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "one"
    assert lines[1].startswith("6 of 7 pictures got the right tag.")
    row = next(line for line in lines if line.startswith("  blue"))
    assert row.split() == ["blue", "4", "100.0", "%", "75.0", "%", "89.3", "%"]
    assert "  blue taken for green  1 time" in lines
    assert "There are no pictures of 'green', so their figures are missing." in lines
    assert any(line.startswith("  untagged.png  ") for line in lines)
    assert result.stderr == ""


def test_json_holds_all_of_it(models: Path, pictures: Path) -> None:
    result = evaluate("--json", "--threshold", "0.9", models / "one", pictures)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["model"], found["task"], found["threshold"]) == ("one", "multiclass", 0.9)
    assert found["accuracy"]["value"] == pytest.approx(6 / 7)
    assert found["confusion_matrix"] == [[3, 0, 0], [0, 0, 0], [0, 1, 3]]
    assert [tag["name"] for tag in found["tags"]] == ["red", "green", "blue"]
    assert found["tags"][1]["recall"]["value"] is None
    assert found["mistakes"][0]["source"] == "blue/odd.png"
    assert found["suggestions"][0]["source"] == "untagged.png"
    assert found["problems"] == []


def test_the_report_is_written(models: Path, pictures: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = evaluate("--report", page, models / "many", pictures)
    assert result.exit_code == 0, result.output
    assert f"The report is in {page}." in result.stderr
    text = page.read_text("utf-8")
    assert "<h1>many</h1>" in text
    assert text.count("data:image/jpeg;base64,") >= 2


def test_a_damaged_picture_is_told_and_the_others_are_evaluated(
    models: Path, pictures: Path, tmp_path: Path
) -> None:
    whole = builders.png_bytes("red", (200, 200))
    for number in range(7):
        (pictures / "red" / f"cut{number}.png").write_bytes(whole[: 40 + number])
    page = tmp_path / "report.html"
    result = evaluate("--report", page, models / "one", pictures)
    assert result.exit_code == 2
    assert "6 of 7 pictures got the right tag." in result.stdout
    assert result.stderr.count("trunkline: red/cut") == 7
    assert page.read_text("utf-8").count("Left out: ") == 5
    assert "2 more were left out." in page.read_text("utf-8")


def test_a_detector_is_refused(models: Path, pictures: Path) -> None:
    result = evaluate(models / "places", pictures)
    assert result.exit_code == 2
    assert "this is a detector" in result.stderr
    assert result.stdout == ""


def test_one_model_at_a_time(models: Path, pictures: Path, tmp_path: Path) -> None:
    result = evaluate(models, pictures)
    assert result.exit_code == 2
    assert "there are 3 models" in result.stderr
    assert "many" in result.stderr
    assert evaluate(tmp_path / "nothing", pictures).exit_code == 2
    assert evaluate(models / "one", tmp_path / "nothing").exit_code == 2


@pytest.mark.parametrize("name", ["report.pdf", "nowhere/report.html"])
def test_a_report_that_cannot_be_is_refused_at_once(
    models: Path, pictures: Path, tmp_path: Path, name: str
) -> None:
    result = evaluate("--report", tmp_path / name, models / "one", pictures)
    assert result.exit_code == 2
    assert "report" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("threshold", ["1.5", "-0.1", "nan", "half"])
def test_thresholds_out_of_range_are_refused(models: Path, pictures: Path, threshold: str) -> None:
    result = evaluate("--threshold", threshold, models / "one", pictures)
    assert result.exit_code == 2
    assert "--threshold" in result.stderr


def test_scikit_learn_is_not_needed(
    models: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    result = evaluate("--report", tmp_path / "report.html", models / "one", pictures)
    assert result.exit_code == 0, result.output
