# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from trunkline.errors import TrainingError, UnsupportedExportError
from trunkline.training.judging import judge
from trunkline.training.pictures import read_pictures

if TYPE_CHECKING:
    from pathlib import Path

# Every picture is another one: copies count once. Near red, green and blue all the same.
_COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def pictures_of(folder: Path, tag: str, colour: str, count: int) -> None:
    for number in range(count):
        shade = tuple(abs(channel - number) for channel in _COLOURS[colour])
        builders.picture(folder / tag / f"{colour}{number}.png", shade)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> trunkline.ModelSet:
    folder = tmp_path_factory.mktemp("models")
    builders.openvino_classifier(folder / "one")
    builders.onnx_classifier(folder / "many")
    builders.boxes_detector(folder / "places")
    return trunkline.load(folder)


def test_a_model_is_asked_about_every_picture(models: trunkline.ModelSet, tmp_path: Path) -> None:
    pictures_of(tmp_path, "red", "red", 4)
    pictures_of(tmp_path, "green", "green", 3)
    pictures_of(tmp_path, "green", "blue", 1)  # told wrongly
    asked: list[None] = []
    found = judge(
        models,
        "one",
        read_pictures(tmp_path, task="multiclass"),
        threshold=0.6,
        asked=lambda: asked.append(None),
    )
    evaluation = found.evaluation
    assert evaluation.labels == builders.COLOURS
    assert (evaluation.pictures, evaluation.right, evaluation.threshold) == (8, 7, 0.6)
    assert evaluation.confusion_matrix == ((4, 0, 0), (0, 3, 1), (0, 0, 0))
    (mistake,) = evaluation.mistakes
    assert mistake.source.endswith("blue0.png")
    assert mistake.said[0].tag == "blue"
    assert len(asked) == 8
    assert found.remarks == ("There are no pictures of 'blue', so their figures are missing.",)
    assert found.suggestions == found.problems == ()


def test_tags_that_the_model_does_not_know_are_told_and_left_out(
    models: trunkline.ModelSet, tmp_path: Path
) -> None:
    pictures_of(tmp_path, "red", "red", 2)
    pictures_of(tmp_path, "pink", "blue", 3)
    found = judge(models, "one", read_pictures(tmp_path, task="multiclass"))
    assert found.evaluation.pictures == 2
    assert found.remarks[0] == (
        "The model does not know 'pink'; 3 pictures without any other tag were left out."
    )


def test_capitals_alone_do_not_make_another_tag(models: trunkline.ModelSet, tmp_path: Path) -> None:
    pictures_of(tmp_path, "Red", "red", 2)
    pictures_of(tmp_path, "green", "green", 1)
    found = judge(models, "one", read_pictures(tmp_path, task="multiclass"))
    assert (found.evaluation.pictures, found.evaluation.right) == (3, 3)
    assert found.remarks[0] == (
        "Tags were taken for labels that differ in capitals: 'Red' for 'red'."
    )


def test_capitals_that_tell_two_labels_apart_are_kept_apart(tmp_path: Path) -> None:
    builders.openvino_classifier(tmp_path / "model", labels=("red", "RED", "blue"))
    models = trunkline.load(model=tmp_path / "model")
    pictures_of(tmp_path / "pictures", "Red", "red", 2)
    pictures_of(tmp_path / "pictures", "RED", "green", 1)
    found = judge(models, "model", read_pictures(tmp_path / "pictures", task="multiclass"))
    assert (found.evaluation.pictures, found.evaluation.right) == (1, 1)
    assert "does not know 'Red'; 2 pictures" in found.remarks[0]


def test_multilabel_negatives_count(models: trunkline.ModelSet, tmp_path: Path) -> None:
    builders.picture(tmp_path / "a.png", (255, 255, 0))
    builders.picture(tmp_path / "b.png", (0, 0, 0))
    builders.picture(tmp_path / "c.png", (255, 0, 0))
    table = tmp_path / "tags.csv"
    table.write_text("file,tags\na.png,red;green;yellow\nb.png,Negative\nc.png,red\n")
    found = judge(models, "many", read_pictures(table, task="multilabel"))
    assert (found.evaluation.pictures, found.evaluation.right) == (3, 3)
    assert found.remarks[0] == "The model does not know 'yellow'."


def test_untagged_pictures_are_suggested_and_damaged_ones_reported(
    models: trunkline.ModelSet, tmp_path: Path
) -> None:
    pictures_of(tmp_path, "red", "red", 2)
    builders.picture(tmp_path / "sure.png", (0, 255, 0))
    builders.picture(tmp_path / "unsure.png", (130, 128, 0))
    whole = builders.png_bytes("red", (200, 200))
    (tmp_path / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    found = judge(models, "one", read_pictures(tmp_path, task="multiclass"))
    assert [each.source for each in found.suggestions] == ["unsure.png", "sure.png"]
    assert [said.tag for said in found.suggestions[0].said[:2]] == ["red", "green"]
    assert [each.source for each in found.problems] == ["red/cut.png"]
    assert found.evaluation.pictures == 2


def test_detectors_are_refused(models: trunkline.ModelSet, tmp_path: Path) -> None:
    pictures_of(tmp_path, "fork", "red", 1)
    with pytest.raises(UnsupportedExportError, match="detector"):
        judge(models, "places", read_pictures(tmp_path, task="multiclass"))


def test_strangers_are_refused_by_name(models: trunkline.ModelSet, tmp_path: Path) -> None:
    for number in range(11):
        tag = f"colour {number:02}"
        builders.picture(tmp_path / tag / "x.png", (number, 0, 0))
    with pytest.raises(TrainingError, match=r"knows 'red', 'green', 'blue'; .* and 1 more"):
        judge(models, "one", read_pictures(tmp_path, task="multiclass"))


def test_only_damaged_pictures_are_refused(models: trunkline.ModelSet, tmp_path: Path) -> None:
    whole = builders.png_bytes("red", (200, 200))
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="none of its pictures can be read"):
        judge(models, "one", read_pictures(tmp_path, task="multiclass"))
