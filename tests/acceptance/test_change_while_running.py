# SPDX-License-Identifier: Apache-2.0
"""Eight threads predict while another adds, removes, replaces and breaks models.

No answer is wrong, no frame is dropped, and no exception is about anything but a broken model.
Ten seconds of it by default; TRUNKLINE_CHANGE_SECONDS=60 makes it the full minute.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

import trunkline
from engine import crowds
from engine.crowds import Layer, Recipe
from trunkline import ExportError, ModelNameError, ModelSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trunkline.engine.modelset import Export

SECONDS = float(os.environ.get("TRUNKLINE_CHANGE_SECONDS", "10"))
THREADS = 8
TOLERANCE = 1e-6

STAYING = ("fruit-2", "cat-dog-onnx-opset7", "deep")
COMING_AND_GOING = (
    "bears", "sign-14", "soda-softmax", "fruit-7-tflite", "desk-earlier-coreml",
    "landmarks-other-trunk", "plankton-4-onnx-opset1", "deep twin", "deeper", "map",
)  # fmt: skip
STEM = (Layer("wide", 0), Layer("wide", 1), Layer("wide", 2))
MADE = {
    "deep": Recipe((*STEM, Layer("wide", 3)), "deep", 0),
    "deep twin": Recipe((*STEM, Layer("wide", 3)), "deep", 1),
    "deeper": Recipe((*STEM, Layer("wide", 3), Layer("conv", 4)), "two", 0),
    "map": Recipe((*STEM, Layer("wide", 5)), "map", 0),
}
# What is called "swapped" is one of these, at any time.
SWAPPED = ("bears", "sign-14", "map", "fruit-7-tflite")


@dataclass
class Truth:
    """What each model answers by itself, for each frame."""

    exports: dict[str, Export]
    frames: list[np.ndarray]
    answers: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, export in self.exports.items():
            alone = trunkline.load(alone=export)
            self.answers[name] = [
                alone.predict(frame)["alone"].probabilities for frame in self.frames
            ]

    def allows(self, name: str, frame: int, found: np.ndarray) -> bool:
        return any(
            found.shape == expected.shape and np.abs(found - expected).max() <= TOLERANCE
            for expected in (
                self.answers[model][frame] for model in (SWAPPED if name == "swapped" else (name,))
            )
        )


@pytest.fixture(scope="module")
def truth(shared: Path) -> Truth:
    real = {
        name: shared / "models" / name for name in (*STAYING, *COMING_AND_GOING) if name not in MADE
    }
    made = {name: crowds.model(name, recipe) for name, recipe in MADE.items()}
    frames = [
        np.random.default_rng(seed).integers(0, 256, (60 + seed, 80, 3), np.uint8)
        for seed in range(3)
    ]
    return Truth({**real, **made}, frames)


@pytest.fixture(scope="module")
def broken(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Exports that are damaged in several ways."""
    folder = tmp_path_factory.mktemp("damaged")
    data = (shared / "models" / "fruit-4" / "model.pb").read_bytes()
    labels = b"one\ntwo\nthree\nfour\n"
    rubbish = bytearray(data)
    rubbish[len(data) // 3 : len(data) // 3 + 4000] = bytes(4000)
    for name, model, text in (
        ("cut", data[: len(data) // 2], labels),
        ("labels", data, b"one\ntwo\n"),
        ("empty", b"", labels),
        ("rubbish", bytes(rubbish[::-1]), labels),
    ):
        (folder / f"broken {name}").mkdir()
        (folder / f"broken {name}" / "model.pb").write_bytes(model)
        (folder / f"broken {name}" / "labels.txt").write_bytes(text)
    return sorted(folder.iterdir())


@dataclass
class Run:
    """A minute in the life of a model set."""

    models: ModelSet
    truth: Truth
    broken: list[Path]
    over: threading.Event = field(default_factory=threading.Event)
    frames: Counter[int] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def work(self, thread: int) -> None:
        frame = thread
        while not self.over.is_set():
            frame = (frame + 1) % len(self.truth.frames)
            try:
                self._check(frame)
            except Exception as error:
                self.faults.append(f"thread {thread}: {type(error).__name__}: {error}")
            self.frames[thread] += 1

    def _check(self, frame: int) -> None:
        answers = self.models.predict(self.truth.frames[frame])
        missing = [name for name in (*STAYING, "swapped") if name not in answers]
        wrong = [
            name
            for name, answer in answers.items()
            if not self.truth.allows(name, frame, answer.probabilities)
        ]
        if missing or wrong:
            self.faults.append(f"frame {frame}: missing {missing}, wrong {wrong}")
        self.seen.update(answers)

    def change(self, seed: int) -> None:
        chance = random.Random(seed)
        steps: list[Callable[[random.Random], str]] = [
            self._add, self._add, self._remove, self._replace, self._break,
        ]  # fmt: skip
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                self.changes[chance.choice(steps)(chance)] += 1
        except Exception as error:
            self.faults.append(f"change: {type(error).__name__}: {error}")
        finally:
            self.over.set()

    def _add(self, chance: random.Random) -> str:
        absent = [name for name in COMING_AND_GOING if name not in self.models]
        some = chance.sample(absent, min(len(absent), chance.randint(1, 3)))
        self.models.add(**{name: self.truth.exports[name] for name in some})
        return "added"

    def _remove(self, chance: random.Random) -> str:
        there = [name for name in COMING_AND_GOING if name in self.models]
        self.models.remove(*chance.sample(there, min(len(there), chance.randint(1, 4))))
        return "removed"

    def _replace(self, chance: random.Random) -> str:
        self.models.replace(swapped=self.truth.exports[chance.choice(SWAPPED)])
        return "replaced"

    def _break(self, chance: random.Random) -> str:
        before, path = list(self.models), chance.choice(self.broken)
        way = chance.choice(("add", "replace", "skip", "name"))
        if way == "skip":
            self.models.add(path, on_error="skip")
            told = str(self.models.failures[-1])
        else:
            told = self._told(way, path)
        if str(path) not in told and way != "name":
            self.faults.append(f"{way} of {path}: {told}")
        if list(self.models) != before:
            self.faults.append(f"{way} of {path} changed the models")
        return f"broken {way}"

    def _told(self, way: str, path: Path) -> str:
        try:
            if way == "add":
                self.models.add(good=self.truth.exports["bears"], bad=path)
            elif way == "replace":
                self.models.replace(swapped=path)
            else:
                self.models.add(swapped=self.truth.exports["bears"])
        except (ExportError, ModelNameError) as error:
            return str(error)
        return "nothing was raised"


def test_models_change_while_frames_are_answered(truth: Truth, broken: list[Path]) -> None:
    models = ModelSet()
    models.add(**{name: truth.exports[name] for name in STAYING}, swapped=truth.exports["bears"])
    run = Run(models, truth, broken)
    threads = [threading.Thread(target=run.work, args=(each,)) for each in range(THREADS)]
    for thread in threads:
        thread.start()
    run.change(seed=7)
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert run.faults == []
    assert len(run.frames) == THREADS
    assert min(run.frames.values()) > 1
    assert {"added", "removed", "replaced"} <= run.changes.keys()
    assert any(kind.startswith("broken") for kind in run.changes)
    # The models that came and went have been seen to answer.
    assert len(run.seen - set(STAYING)) > 3
    print(f"{sum(run.frames.values())} frames in {SECONDS} s, changes: {dict(run.changes)}")
