# SPDX-License-Identifier: Apache-2.0
"""What many models hold, and that what is unloaded is given back; each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import builders
from engine import heads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIB = 1 << 20
# What a heap that is used in pieces may differ by from one moment to another.
NOISE = 3 * MIB
TIMES, SETTLED = 1000, 50
# As many labels as the real exports have, each as often.
LABELS = (1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5, 7, 7, 7, 7, 9, 9, 14)

PROGRAM = """
import json, os, sys
import numpy as np
import trunkline

frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
models = trunkline.ModelSet()

def held():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024

for line in sys.stdin:
    task = json.loads(line)
    models.add(**task.get("add", {}))
    if task["predict"]:
        answers = models.predict(frame)
        read = [(answer.label, answer.probability) for answer in answers.values()]
        del answers, read
    models.remove(*task.get("remove", ()))
    print(json.dumps({"models": len(models), "held": held()}), flush=True)
"""


class Program:
    """A program that is told which models to add and to remove, and tells what memory it holds."""

    def __init__(self, log: Path, **environment: str) -> None:
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **environment},
        )

    def told(
        self,
        add: dict[str, Path] | None = None,
        remove: Sequence[str] = (),
        *,
        predict: bool = True,
    ) -> int:
        """Change its models, let it answer for a frame in between, and return what it holds."""
        assert self._process.stdin
        assert self._process.stdout
        exports = {name: str(path) for name, path in (add or {}).items()}
        task = {"add": exports, "remove": remove, "predict": predict}
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, Path(self._log.name).read_text()
        return int(json.loads(line)["held"])

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._log):
            assert stream
            stream.close()
        assert self._process.wait(60) == 0


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell how much memory a process holds")
    made = Program(tmp_path / "log.txt")
    yield made
    made.close()


def test_a_model_loaded_and_unloaded_a_thousand_times_leaves_nothing(
    program: Program, tmp_path: Path
) -> None:
    """Into an empty set: each time it is read, compiled, run and let go."""
    export = builders.openvino_classifier(tmp_path / "export")
    held = [program.told({"model": export}, ["model"]) for _ in range(TIMES)]
    assert max(held[SETTLED:]) - held[SETTLED - 1] < NOISE


def test_a_head_loaded_and_unloaded_a_thousand_times_leaves_nothing(
    program: Program, shared: Path, tmp_path: Path
) -> None:
    """Onto a real trunk that stays: each time one of three files is read."""
    trunk = heads.write_head(shared, tmp_path / "trunk", labels=2, seed=0)
    others = [
        heads.write_head(shared, tmp_path / f"other {seed}", labels=3 + seed, seed=seed)
        for seed in (1, 2, 3)
    ]
    program.told({"trunk": trunk})
    held = [program.told({"model": others[i % 3]}, ["model"]) for i in range(TIMES)]
    assert max(held[SETTLED:]) - held[SETTLED - 1] < NOISE


def test_real_exports_come_and_go_and_leave_nothing(program: Program, shared: Path) -> None:
    names = ("fruit-2", "apple-orange-container-2025")
    exports = {name: shared / "models" / name for name in names}
    held = [program.told(exports, names) for _ in range(20)]
    assert max(held[10:]) - held[9] < NOISE


def test_a_thousand_models_on_one_trunk_take_a_tenth_more_than_one(
    program: Program, shared: Path, tmp_path: Path
) -> None:
    one = 0
    for index in range(TIMES):
        labels = LABELS[index % len(LABELS)]
        export = heads.write_head(shared, tmp_path / "export", labels=labels, seed=index)
        predict = index in {0, TIMES - 1}
        held = program.told({f"model {index}": export}, predict=predict)
        shutil.rmtree(export)
        one = one or held
    weights = 4 * 513 * sum(np.resize(LABELS, TIMES))
    assert held - one >= weights * 0.9  # they are there
    assert held <= 1.1 * one


def test_a_trunk_is_held_once_whatever_hangs_on_it(tmp_path: Path) -> None:
    """Compiled heads of their own, on a trunk of 20 MB.

    With one arena: the C library keeps the end of every other one for later, here up to the size
    of the trunk, and what is to be seen is what the program holds.
    """
    program = Program(tmp_path / "log.txt", MALLOC_ARENA_MAX="1")
    exports = [_deep(tmp_path / f"export {seed}", seed) for seed in range(8)]
    held = [program.told({path.name: path}) for path in exports]
    size = (exports[0] / "model.bin").stat().st_size
    assert size > 15 * MIB
    # The second makes it necessary to cut, and what is cut in two may be held in two forms.
    assert held[-1] - held[1] < 0.5 * size
    rest = program.told(remove=[path.name for path in exports])
    again = [program.told({path.name: path}) for path in exports]
    assert again[-1] - held[-1] < NOISE
    assert program.told(remove=[path.name for path in exports]) - rest < NOISE
    program.close()


def _deep(folder: Path, seed: int) -> Path:
    """Write a network with large common layers and one more before its answer."""
    import openvino
    from openvino import opset13 as ops

    folder.mkdir()
    picture = ops.parameter([1, 32, 32, 3], openvino.Type.f32, name="picture")
    port, taken = ops.transpose(picture, np.array([0, 3, 1, 2])).output(0), 3
    for layer, (channels, size) in enumerate(((64, 3), (512, 3), (512, 3), (512, 3), (8, 1))):
        rng = np.random.default_rng((layer, seed if size == 1 else 0))
        weights = rng.normal(0, 1 / (size * taken**0.5), (channels, taken, size, size))
        stride, edge = [2, 2] if size == 3 else [1, 1], [size // 2] * 2
        port = ops.relu(
            ops.convolution(port, weights.astype(np.float32), stride, edge, edge, [1, 1])
        ).output(0)
        taken = channels
    answer = ops.softmax(ops.reduce_mean(port, np.array([2, 3]), keep_dims=False), 1)
    graph = openvino.Model([answer.output(0)], [picture], "deep")
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    (folder / "labels.txt").write_text("\n".join("abcdefgh"), "utf-8")
    (folder / "model.toml").write_text('task = "multiclass"\n[input]\norder = "BGR"\n', "utf-8")
    return folder
