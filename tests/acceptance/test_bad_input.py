# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in the hands of a person: one sentence each, and the others are served."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

import builders
from acceptance.commands import Done, lines, trunkline

if TYPE_CHECKING:
    from pathlib import Path

# What the sentence must hold, beside the path: the remedy, or the words that lead to it.
BROKEN_MODELS = {
    "truncated.pb": "again",
    "truncated.tflite": "again",
    "truncated.onnx": "again",
    "truncated.mlmodel": "again",
    "text.onnx": "",
    "three-labels": "labels",
    "empty": "",
    "climbing.zip": "..",
    "bomb.zip": "MiB",
    "not-a-zip.zip": "",
    "missing": "no such file",
    "named-missing": "no such file",
    "two/good": "-m other=two/good",
}
BROKEN_PICTURES = {
    "huge.png": "60000 x 60000",
    "text.jpg": "",
    "cut.jpg": "again",
    "missing.jpg": "no such file",
    "no-pictures": "",
}


@pytest.fixture(scope="module")
def mess(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """Return a folder of one good model, one good picture, and everything that can be wrong."""
    mess = tmp_path_factory.mktemp("mess")
    good = builders.openvino_classifier(mess / "good")
    shutil.copytree(good, mess / "two" / "good")
    _broken_models(mess, shared / "models")
    _broken_pictures(mess)
    return mess


def _broken_models(mess: Path, models: Path) -> None:
    for name, export in {
        "truncated.pb": "fruit-2/model.pb",
        "truncated.tflite": "fruit-7-tflite/model.tflite",
        "truncated.onnx": "cat-dog-onnx-opset7/model.onnx",
        "truncated.mlmodel": "fruit-7-coreml/model.mlmodel",
    }.items():
        data = (models / export).read_bytes()
        (mess / name).write_bytes(data[: len(data) * 2 // 3])
    (mess / "truncated.txt").write_text("a\nb\n")
    (mess / "text.onnx").write_text("It is said that this is a model.")
    shutil.copytree(models / "fruit-2", mess / "three-labels")
    (mess / "three-labels" / "labels.txt").write_text("Apple\nBanana\nCherry\n")
    (mess / "empty").mkdir()
    builders.zip_of(mess / "climbing.zip", {"../model.pb": b"x", "labels.txt": b"a"})
    builders.zip_bomb(mess / "bomb.zip", 10 << 30)
    assert (mess / "bomb.zip").stat().st_size < 1024
    (mess / "not-a-zip.zip").write_text("PK, as it were")


def _broken_pictures(mess: Path) -> None:
    builders.picture(mess / "good.jpg", "red", (300, 200))
    data = (mess / "good.jpg").read_bytes()
    (mess / "cut.jpg").write_bytes(data[: len(data) // 2])
    builders.png_header(mess / "huge.png", 60_000, 60_000)
    (mess / "text.jpg").write_text("It is said that this is a picture.")
    (mess / "no-pictures").mkdir()


@pytest.fixture(scope="module")
def predicted(mess: Path) -> Done:
    """Return what comes of all of it at once."""
    named = [item for name in BROKEN_MODELS for item in ("-m", name.replace("named-", "x=named-"))]
    pictures = ["good.jpg", *BROKEN_PICTURES, "good.jpg"]
    return trunkline("predict", "--json", "-m", "good", *named, *pictures, cwd=mess)


def test_nothing_ends_in_a_traceback(predicted: Done) -> None:
    assert predicted.returncode == 2
    assert b"Traceback" not in predicted.stderr
    assert b"fault in Trunkline" not in predicted.stderr


def test_every_broken_model_has_one_sentence(predicted: Done) -> None:
    told = predicted.stderr.decode("utf-8").splitlines()
    assert len(told) == len(BROKEN_MODELS), told
    for name, words in BROKEN_MODELS.items():
        (line,) = [each for each in told if f" {name}: " in each or f" {name}. " in each]
        assert line.startswith("trunkline: ")
        assert words in line


def test_every_broken_picture_has_one_sentence_in_its_place(predicted: Done) -> None:
    answers = lines(predicted)
    assert [each["frame"] for each in answers] == ["good.jpg", *BROKEN_PICTURES, "good.jpg"]
    for each, (name, words) in zip(answers[1:-1], BROKEN_PICTURES.items(), strict=True):
        assert each["error"].startswith(f"{name}: ")
        assert words in each["error"]


def test_what_is_good_is_answered(predicted: Done) -> None:
    answers = lines(predicted)
    assert answers[0] == answers[-1]
    assert answers[0]["predictions"]["good"]["label"] == "red"


def test_the_table_tells_of_pictures_on_standard_error(mess: Path) -> None:
    done = trunkline("predict", "-m", "good", *BROKEN_PICTURES, "good.jpg", cwd=mess)
    assert done.returncode == 2
    told = done.stderr.decode("utf-8").splitlines()
    assert [line.split(": ")[:2] for line in told] == [["trunkline", n] for n in BROKEN_PICTURES]
    assert "red 100.0 %" in done.stdout.decode("utf-8").splitlines()[-1]


def test_inspect_tells_of_the_same_models(mess: Path) -> None:
    broken = [name for name in BROKEN_MODELS if name != "two/good"]
    done = trunkline("inspect", "--json", *broken, "good", cwd=mess)
    assert done.returncode == 2
    assert done.stderr == b""
    *failures, good, shared = lines(done)
    assert [trunk["models"][0]["name"] for trunk in shared["trunks"]] == ["good"]
    assert [set(each) for each in failures] == [{"source", "error"}] * len(broken)
    assert good["name"] == "good"
    for name, failure in zip(broken, failures, strict=True):
        assert name in failure["error"]
        assert json.dumps(failure)


def test_a_folder_of_models_with_one_broken_serves_the_others(mess: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shutil.copytree(mess / "good", shelf / "good")
    shutil.copytree(mess / "three-labels", shelf / "three-labels")
    shutil.copy(mess / "climbing.zip", shelf)
    done = trunkline("predict", "-m", shelf, mess / "good.jpg", "--json")
    assert done.returncode == 2
    assert list(lines(done)[0]["predictions"]) == ["good"]
    assert done.stderr.count(b"\n") == 2
