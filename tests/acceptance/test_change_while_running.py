# SPDX-License-Identifier: Apache-2.0
"""Models come, go, are replaced and break while eight threads predict; no frame notices."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING, Self

import numpy as np
import pytest
from PIL import Image

import trunkline

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.engine.answers import Answers

SECONDS = float(os.environ.get("TRUNKLINE_CHANGE_SECONDS", "10"))
THREADS = 8
ALWAYS = ("fruit-2", "fruit-7-tflite")
COMING_AND_GOING = (
    "bananas", "fruit-4", "sign-14", "desk-onnx-opset7", "cat-dog-onnx-opset1",
    "landmarks-other-trunk", "desk-earlier-coreml",
)  # fmt: skip


class Traffic:
    """Threads that predict without a pause, and what was wrong with what they got."""

    def __init__(
        self, models: trunkline.ModelSet, picture: np.ndarray, expected: dict[str, np.ndarray]
    ) -> None:
        self.models, self.picture, self.expected = models, picture, expected
        self.stop = threading.Event()
        self.frames = 0
        self.wrong: list[str] = []
        self.threads = [threading.Thread(target=self._predict) for _ in range(THREADS)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(60)

    def _predict(self) -> None:
        while not self.stop.is_set() and not self.wrong:
            try:
                self._check(self.models.predict(self.picture))
            except Exception as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
            self.frames += 1

    def _check(self, answers: Answers) -> None:
        self.wrong += [f"{name} is missing" for name in ALWAYS if name not in answers]
        for name, answer in answers.items():
            # "swapped" is replaced by other exports under its name, and may be any of them.
            candidates = COMING_AND_GOING if name == "swapped" else (name,)
            if not any(same(answer.probabilities, self.expected[each]) for each in candidates):
                self.wrong.append(f"{name} answered {answer.probabilities}")


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() < 1e-6)


@pytest.fixture
def broken(shared: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "broken"
    folder.mkdir()
    whole = (shared / "models" / "fruit-2" / "model.pb").read_bytes()
    (folder / "model.pb").write_bytes(whole[: len(whole) // 2])
    (folder / "labels.txt").write_text("a\nb\n", "utf-8")
    return folder


def test_no_answer_is_wrong_and_no_frame_is_lost(shared: Path, broken: Path) -> None:
    picture = np.asarray(Image.open(shared / "pictures" / "fruit" / "apple1.jpg").convert("RGB"))
    exports = {name: shared / "models" / name for name in (*ALWAYS, *COMING_AND_GOING)}
    expected = {
        name: trunkline.load(path).predict(picture)[name].probabilities
        for name, path in exports.items()
    }
    models = trunkline.load(*[exports[name] for name in ALWAYS], swapped=exports["bananas"])
    chosen, changes = random.Random(0), 0
    with Traffic(models, picture, expected) as traffic:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and not traffic.wrong:
            change(models, chosen, exports, broken)
            changes += 1
    assert traffic.wrong == []
    assert not any(thread.is_alive() for thread in traffic.threads)
    assert changes > 10
    assert traffic.frames > THREADS
    assert set(ALWAYS) <= set(models)


def change(
    models: trunkline.ModelSet, chosen: random.Random, exports: dict[str, Path], broken: Path
) -> None:
    """Do one thing to the set: add or remove a model, replace one, or try a broken one."""
    name = chosen.choice(COMING_AND_GOING)
    match chosen.randrange(4):
        case 0:
            models.replace(swapped=exports[name])
        case 1:
            before = set(models)
            with pytest.raises(trunkline.ExportError, match="broken"):
                models.add(broken)
            with pytest.raises(trunkline.ExportError, match="broken"):
                models.replace(swapped=broken)
            assert set(models) == before
        case _ if name in models:
            models.remove(name)
        case _:
            models.add(exports[name])
