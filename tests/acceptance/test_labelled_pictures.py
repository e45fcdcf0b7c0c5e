# SPDX-License-Identifier: Apache-2.0
"""Real exports on labelled pictures, through the command line.

The figures are those of ``pictures/README.md`` beside the real exports.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acceptance.commands import lines, trunkline

FRUIT, FOOD, PLANKTON, APPLE = MODELS = (
    "fruit-2",
    "food-onnx-opset1",
    "plankton-5-onnx-opset1",
    "apple-orange-container-2025",
)
Answers = dict[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def answers(shared: Path) -> Answers:
    """Return the predictions of four models, by picture; one process answers all."""
    folders = [shared / "pictures" / name for name in ("fruit", "food", "plankton", "apple")]
    models = [item for name in MODELS for item in ("-m", shared / "models" / name)]
    done = trunkline("predict", "--json", *models, *folders)
    assert done.returncode == 0
    assert done.stderr == b""
    found = {Path(line["frame"]): line["predictions"] for line in lines(done)}
    assert len(found) == 7 + 30 + 94 + 1
    return found


def of(answers: Answers, folder: str) -> Answers:
    return {path: each for path, each in answers.items() if folder in path.parts}


def test_every_apple_and_banana_is_right(answers: Answers) -> None:
    fruit = {path.stem: each[FRUIT] for path, each in of(answers, "fruit").items()}
    backpod = fruit.pop("backpod")
    assert len(fruit) == 6
    for name, answer in fruit.items():
        assert answer["label"].lower() == name.rstrip("123")
        assert answer["probability"] >= 0.988
    assert all(label["probability"] < 0.5 for label in backpod["labels"])


def test_every_dish_is_right(answers: Answers) -> None:
    food = of(answers, "food")
    assert len(food) == 30
    wrong = [p for p, each in food.items() if each[FOOD]["label"].lower() != p.parent.name.lower()]
    assert wrong == []


def test_most_plankton_is_right(answers: Answers) -> None:
    plankton = [
        (path.parent.name, each[PLANKTON]) for path, each in of(answers, "plankton").items()
    ]
    known = {label["label"] for label in plankton[0][1]["labels"]}
    own = [(name, answer["label"]) for name, answer in plankton if name in known]
    assert len(own) == 82
    assert sum(name == label for name, label in own) == pytest.approx(73, abs=1)


def test_the_apple_lies_on_its_side_in_the_file_and_is_certain(answers: Answers) -> None:
    ((_, apple),) = of(answers, "apple").items()
    assert apple[APPLE]["label"] == "apple"
    assert apple[APPLE]["probability"] >= 0.999
