# SPDX-License-Identifier: Apache-2.0
"""Training as a person does it: from pictures to exports that every framework runs alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import builders
import colours
import references
import trunkline
from trunkline.exports.reading import read_one
from trunkline.images import to_tensor
from trunkline.models import Model
from trunkline.writers.package import write_export
from trunkline.writers.targets import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.writers.targets import Target

FLOAT16 = [target for target in TARGETS if "Float16" in (target.flavor or "")]
FLOAT32 = [target for target in TARGETS if target not in FLOAT16]


def run(*arguments: object, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trunkline", *map(str, arguments)]
    environment = {**os.environ, "TRUNKLINE_CACHE": str(cache)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def trained(home: Path) -> Path:
    """A model on the default trunk, trained by the command."""
    pictures = colours.folder(home / "pictures", 6)
    done = run("train", pictures, "-o", home / "trained", "--json", cache=home / "cache")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["evaluation"]["accuracy"]["value"] == 1
    return home / "trained"


@pytest.fixture(scope="module")
def model(trained: Path) -> Model:
    read = read_one(trained, "original")
    assert isinstance(read, Model)
    return read


def name_of(target: Target) -> str:
    return (target.flavor or target.platform).lower()


@pytest.fixture(scope="module")
def exports(model: Model, home: Path) -> dict[str, Path]:
    """The model in every format there is."""
    return {
        name_of(target): write_export(
            model, home / "exports" / name_of(target), target.platform, target.flavor
        )
        for target in TARGETS
    }


def test_all_formats_together_share_one_trunk(
    exports: dict[str, Path], trained: Path, model: Model
) -> None:
    whole = {name_of(target): exports[name_of(target)] for target in FLOAT32}
    models = trunkline.load(original=trained, **whole)
    assert len(models) == len(FLOAT32) + 1
    assert len(models.plan.inputs) == len(models.plan.parts) == 1
    assert sum(len(heads) for heads in models.plan.packs.values()) == len(models)
    answers = models.predict(colours.pixels("red", 4))
    expected = answers["original"].probabilities
    for name in whole:
        assert answers[name].labels == model.labels
        np.testing.assert_allclose(answers[name].probabilities, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("target", FLOAT16, ids=name_of)
def test_half_the_bits_answer_nearly_the_same(
    target: Target, exports: dict[str, Path], trained: Path
) -> None:
    models = trunkline.load(original=trained, half=exports[name_of(target)])
    for colour in colours.CHANNELS:
        answers = models.predict(colours.pixels(colour, 8))
        np.testing.assert_allclose(
            answers["half"].probabilities, answers["original"].probabilities, rtol=0, atol=5e-3
        )


@pytest.mark.parametrize(
    ("name", "file", "limit"),
    [
        ("tensorflow", "model.pb", 1e-4),
        ("tensorflowlite", "model.tflite", 1e-4),
        ("tensorflowlitefloat16", "model.tflite", 5e-3),
        ("onnx", "model.onnx", 1e-4),
        ("onnxfloat16", "model.onnx", 5e-3),
    ],
)
def test_each_format_s_own_framework_answers_alike(
    name: str, file: str, limit: float, exports: dict[str, Path], model: Model
) -> None:
    models = trunkline.load(original=model)
    picture = colours.pixels("blue", 5)
    tensor = to_tensor(picture, model.contract)
    path = exports[name] / file
    batch = np.transpose(tensor, (0, 3, 1, 2)) if model.contract.layout == "NHWC" else tensor
    if name == "tensorflow":
        (answer,) = references.tensorflow(path, _last(tensor, model), "loss:0")
    elif name.startswith("tensorflowlite"):
        answer = references.litert(path, _last(tensor, model))
    else:
        answer = references.onnxruntime(path, batch)
    expected = models.predict(picture)["original"].probabilities
    np.testing.assert_allclose(np.reshape(answer, -1), expected, rtol=0, atol=limit)


def _last(tensor: np.ndarray, model: Model) -> np.ndarray:
    return tensor if model.contract.layout == "NHWC" else np.transpose(tensor, (0, 2, 3, 1))


@pytest.mark.parametrize("export", ["fruit-2", "fruit-7-tflite", "desk-onnx-opset7"])
def test_a_new_head_on_an_export_of_2018(shared: Path, home: Path, export: str) -> None:
    """It is written in the same format, and runs on the very trunk of the export."""
    first = shared / "models" / export
    output = home / "on-theirs" / export
    done = run(
        "train", colours.folder(home / "pictures", 6), "-o", output, "--trunk", first,
        cache=home / "cache",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    models = trunkline.load(first=first, second=output)
    assert models["second"].format.split()[0] == models["first"].format.split()[0]
    assert len(models.plan.parts) == len(models.plan.inputs) == 1
    answers = models.predict(colours.pixels("green", 77), models=["second"])
    assert answers["second"].label == "green"


def test_a_folder_of_everything_trains_all_the_same(home: Path) -> None:
    """Whatever lies in a folder of real pictures is used, or named in one sentence."""
    root = colours.folder(home / "mess", 5)
    red = root / "red"
    (red / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (red / "notes.txt").write_text("mine")
    (red / "empty.jpg").write_bytes(b"")
    (red / "directory.jpg").mkdir()
    (red / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64))
    damaged = builders.png_bytes("red", (300, 200))
    (red / "half.png").write_bytes(damaged[: len(damaged) // 2])
    (red / "crveno 红色 ❤.png").write_bytes(colours.encoded("red", 50))
    for tag in ("red", "blue"):
        (root / tag / "both.png").write_bytes(colours.encoded(["red", "blue"], 51))
    frames = [Image.fromarray(colours.pixels("red", seed)) for seed in (52, 53)]
    frames[0].save(red / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(colours.pixels("red", 54)).convert("CMYK").save(red / "print.jpg")
    deep = np.full((40, 40), 40000, np.uint16)
    Image.fromarray(deep).save(root / "blue" / "deep.png")
    done = run("train", root, "-o", home / "from-mess", "--json", cache=home / "cache")
    assert done.returncode == 0, done.stderr
    named = {line.split(": ")[1].rpartition("/")[2] for line in done.stderr.splitlines()}
    assert named == {"empty.jpg", "directory.jpg", "phone.heic", "half.png", "both.png"}
    value = json.loads(done.stdout)
    assert value["tags"] == {"blue": 6, "green": 5, "red": 8}
    assert trunkline.load(home / "from-mess")


def test_the_same_command_again_gives_the_same_model(trained: Path, home: Path) -> None:
    again = run(
        "train", home / "pictures", "-o", home / "again", "--name", "trained",
        cache=home / "another-cache",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    for file in ("model.onnx", "labels.txt", "training.json"):
        assert (home / "again" / file).read_bytes() == (trained / file).read_bytes()


def test_one_picture_more_gives_the_model_that_a_training_from_nothing_gives(home: Path) -> None:
    pictures = colours.folder(home / "growing", 5)
    command = ["train", pictures, "-o", home / "grown", "--overwrite"]
    assert run(*command, cache=home / "growing-cache").returncode == 0
    colours.folder(home / "growing", 6)
    again = run(*command, cache=home / "growing-cache")
    assert again.returncode == 0, again.stderr
    new = ["train", pictures, "-o", home / "new", "--name", "grown"]
    assert run(*new, cache=home / "empty-cache").returncode == 0
    for file in ("model.onnx", "labels.txt", "training.json"):
        assert (home / "new" / file).read_bytes() == (home / "grown" / file).read_bytes()
