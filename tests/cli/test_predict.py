# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import builders
from trunkline.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def predict(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["predict", *map(str, arguments)], input=stdin)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three models: a classifier of each kind, and a detector."""
    folder = tmp_path_factory.mktemp("models")
    builders.openvino_classifier(folder / "one")
    builders.onnx_classifier(folder / "many", labels=("red", "[green]", "青"))
    builders.boxes_detector(folder / "places")
    return folder


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return builders.picture(tmp_path / "red.png", "red")


def test_the_table_has_every_models_answer_for_every_picture(models: Path, tmp_path: Path) -> None:
    red = builders.picture(tmp_path / "red.png", "red")
    cyan = builders.picture(tmp_path / "cyan.png", "cyan")
    result = predict("-m", models, red, cyan)
    assert result.exit_code == 0
    assert result.stderr == ""
    rows = [[cell for cell in row.split("  ") if cell] for row in result.stdout.splitlines()]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["picture", "model", "answer"],
        [str(red), "many", "red 100.0 %"],
        [str(red), "one", "red 100.0 %"],
        [str(red), "places", "1 box: fork 100.0 %"],
        [str(cyan), "many", "[green] 100.0 %, 青 100.0 %"],
        [str(cyan), "one", "green 50.0 %"],
        [str(cyan), "places", "1 box: spoon 100.0 %"],
    ]


def test_json_has_the_shape_of_the_documentation(models: Path, tmp_path: Path) -> None:
    picture = builders.picture(tmp_path / "yellow.png", (255, 51, 0))
    result = predict("-m", models, "--json", picture)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    answer = json.loads(line)
    assert answer["frame"] == str(picture)
    one, many, places = (answer["predictions"][name] for name in ("one", "many", "places"))
    assert one["task"], one["label"] == ("multiclass", "red")
    assert one["probability"] == one["labels"][0]["probability"] == pytest.approx(1, abs=1e-4)
    assert [each["label"] for each in many["labels"]] == ["red", "[green]", "青"]
    assert list(many) == ["task", "label", "probability", "labels"]
    assert list(places) == ["task", "boxes"]
    assert places["boxes"] == [
        pytest.approx(box, abs=1e-6)
        for box in (
            {"label": "fork", "probability": 1, "left": 0, "top": 0, "width": 0.5, "height": 0.5},
            {
                "label": "spoon",
                "probability": 0.2,
                "left": 0.5,
                "top": 0.5,
                "width": 0.5,
                "height": 0.5,
            },
        )
    ]


def test_an_unread_picture_keeps_its_place_and_the_others_come(
    models: Path, red: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    empty = tmp_path / "empty"
    empty.mkdir()
    result = predict("-m", models / "one", "--json", red, text, empty, red)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["frame"] for line in lines] == [str(p) for p in (red, text, empty, red)]
    assert ["predictions" in line for line in lines] == [True, False, False, True]
    assert str(text) in lines[1]["error"]
    assert result.stderr == ""
    assert result.exit_code == 2


def test_with_a_table_an_unread_picture_is_on_standard_error(models: Path, red: Path) -> None:
    missing = red.with_name("missing.jpg")
    result = predict("-m", models / "one", missing, red)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"trunkline: {missing}: ")
    assert result.stderr.count("\n") == 1
    assert "red 100.0 %" in result.stdout


def test_a_broken_model_is_told_and_the_others_answer(models: Path, red: Path) -> None:
    broken = red.with_name("broken.onnx")
    broken.write_bytes(b"nothing of the kind")
    result = predict("-m", broken, "-m", models / "one", "--json", red)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"trunkline: {broken}: ")
    assert result.stderr.count("\n") == 1
    assert list(json.loads(result.stdout)["predictions"]) == ["one"]


def test_without_any_model_no_picture_is_looked_at(red: Path, tmp_path: Path) -> None:
    result = predict("-m", tmp_path / "missing", "--csv", tmp_path / "x.csv", red)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert str(tmp_path / "missing") in result.stderr
    assert "No model could be loaded" in result.stderr
    assert not (tmp_path / "x.csv").exists()


def test_a_model_can_be_named(models: Path, red: Path) -> None:
    result = predict("-m", f"mine={models / 'one'}", "-m", models / "one", "--json", red)
    assert result.exit_code == 0
    assert list(json.loads(result.stdout)["predictions"]) == ["mine", "one"]


@pytest.mark.parametrize("as_json", [True, False])
def test_csv_goes_with_either(models: Path, red: Path, tmp_path: Path, as_json: bool) -> None:
    path = tmp_path / "answers.csv"
    more = ["--json"] if as_json else []
    result = predict("-m", models, *more, "--csv", path, red)
    assert result.exit_code == 0
    assert result.stdout.startswith("{" if as_json else "picture")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["model"], row["label"]) for row in csv.DictReader(file)]
    assert rows == [
        *[("many", label) for label in ("red", "[green]", "青")],
        *[("one", label) for label in ("red", "green", "blue")],
        ("places", "fork"),
    ]


def test_csv_that_cannot_be_written_is_told_before_any_answer(models: Path, red: Path) -> None:
    result = predict("-m", models / "one", "--csv", red / "answers.csv", red)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"trunkline: {red / 'answers.csv'}: ")


def test_standard_input_is_a_picture(models: Path, red: Path) -> None:
    result = predict("-m", models / "one", "--json", "-", red, stdin=builders.png_bytes("blue"))
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["frame"], first["predictions"]["one"]["label"]) == ("-", "blue")
    assert (second["frame"], second["predictions"]["one"]["label"]) == (str(red), "red")
    assert result.exit_code == 0


def test_standard_input_that_is_no_picture_is_named(models: Path) -> None:
    result = predict("-m", models / "one", "-", stdin=b"text")
    assert result.exit_code == 2
    assert result.stderr.startswith("trunkline: standard input: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photo.jpg"], "Missing option '-m'"),
        (["-m", "x"], "Missing argument"),
        (["-m", "x", "--jason", "photo.jpg"], "No such option"),
    ],
)
def test_usage_is_clicks(arguments: list[str], words: str) -> None:
    result = predict(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
