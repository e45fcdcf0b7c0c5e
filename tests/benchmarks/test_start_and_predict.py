# SPDX-License-Identifier: Apache-2.0
"""The benchmark of starts and frames: it runs, and it refuses to compare unequal work."""

from __future__ import annotations

import datetime as dt
import importlib
from pathlib import Path

import numpy as np
import pytest

from trunkline.contracts import InputContract, Preset
from trunkline.images import to_tensor

PROGRAM = "start_and_predict.py"
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_a_quick_run_has_every_side_and_writes_nothing(shared, run_program):
    page = PAGE.read_bytes()
    run = run_program(PROGRAM, "--quick", "--models-dir", shared / "models")
    assert run.returncode == 0, run.stderr
    rows = [line.split(" | ") for line in run.stdout.splitlines() if line.startswith("| 1 |")]
    assert [row[1] for row in rows] == [
        "Trunkline",
        "usual recipe (TensorFlow)",
        "recipe, picture made ready once",
        "Trunkline",
        "LiteRT",
        "Trunkline",
        "ONNX Runtime",
    ]
    figures = np.array([[float(cell.rstrip(" |")) for cell in row[2:]] for row in rows])
    assert (figures > 0).all()
    start, _, frame, _, memory = figures.T
    # A process with TensorFlow in it needs hundreds of MiB; a loop over 65,536 pixels, far more
    # than the numpy that does the same.
    assert (memory[[1, 2]] > 200).all()
    assert frame[1] > 5 * frame[2]
    assert np.allclose(figures[:, 1], start / start[[0, 0, 0, 3, 3, 5, 5]], rtol=0.02)
    assert "all sides named the same winners" in run.stdout
    assert PAGE.read_bytes() == page


def test_a_folder_that_is_not_there_is_named(run_program):
    run = run_program(PROGRAM, "--models-dir", "/no/such/folder")
    assert run.returncode == 2
    assert "/no/such/folder is not there" in run.stderr


@pytest.mark.parametrize("number", ["0", "-1"])
def test_there_is_at_least_one_repetition(number, run_program):
    run = run_program(PROGRAM, "--repetitions", number)
    assert run.returncode == 2
    assert "is not 1 or more" in run.stderr


def test_a_side_that_fails_stops_the_run_with_its_own_words(tmp_path):
    workers = importlib.import_module("workers")
    with pytest.raises(RuntimeError, match=r"(?s)litert with 1 models failed.*model\.tflite"):
        workers.run_worker("litert", 1, tmp_path, 1)


def test_the_largest_difference_of_agreeing_sides_is_returned():
    check = importlib.import_module("workers").check_agreement
    ours = {"m": {"a": 0.9, "b": 0.1}, "n": {"c": 0.5}}
    theirs = {"n": {"c": 0.500001}, "m": {"b": 0.100005, "a": 0.9}}
    assert check(ours, theirs, "they") == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ({"m": {"a": 0.9, "b": 0.10002}}, "they disagrees on m"),
        ({"m": {"a": 0.1, "b": 0.9}}, "they disagrees on m"),
        ({"m": {"a": 0.9}}, "other models or labels"),
        ({"m": {"a": 0.9, "b": 0.1}, "n": {}}, "other models or labels"),
    ],
)
def test_sides_that_disagree_are_refused(theirs, words):
    check = importlib.import_module("workers").check_agreement
    with pytest.raises(RuntimeError, match=words):
        check({"m": {"a": 0.9, "b": 0.1}}, theirs, "they")


def test_another_winner_is_a_disagreement_however_close():
    check = importlib.import_module("workers").check_agreement
    with pytest.raises(RuntimeError, match="disagrees"):
        check({"m": {"a": 0.500001, "b": 0.5}}, {"m": {"a": 0.5, "b": 0.500001}}, "they")


def test_the_fast_preprocessing_of_the_recipe_gives_the_pixels_of_the_slow_one():
    preprocessing = importlib.import_module("preprocessing")
    pixels = np.random.default_rng(7).integers(0, 256, (300, 401, 3), np.uint8)
    slow = preprocessing.container_2018_by_pixel(pixels)
    assert slow.shape == (227, 227, 3)
    assert np.array_equal(preprocessing.container_2018(pixels), slow)


@pytest.mark.parametrize("shape", [(256, 800, 3), (1200, 1600, 3)])
def test_sizes_that_need_other_steps_are_refused(shape):
    preprocessing = importlib.import_module("preprocessing")
    with pytest.raises(ValueError, match="257 to 1599"):
        preprocessing.container_2018(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(300, 401, 3), (512, 400, 3), (224, 224, 3)])
def test_the_crop_of_2024_is_that_of_trunkline(shape):
    preprocessing = importlib.import_module("preprocessing")
    pixels = np.random.default_rng(8).integers(0, 256, shape, np.uint8)
    expected = to_tensor(pixels, InputContract(224, 224, Preset.CONTAINER_2024))
    assert np.array_equal(preprocessing.container_2024(pixels, 224), expected[0])


def test_a_full_run_writes_its_section_unless_told_not_to(tmp_path, monkeypatch):
    program = importlib.import_module("start_and_predict")
    comparison = importlib.import_module("comparison")
    asked = []
    page = tmp_path / "docs" / "benchmarks.md"
    monkeypatch.setattr(importlib.import_module("options"), "PAGE", page)
    monkeypatch.setattr(
        comparison, "compare_all", lambda *given, quick: asked.append(given) or _section()
    )
    program.main(["--models-dir", str(tmp_path), "--no-write"])
    assert not page.exists()
    program.main(["--models-dir", str(tmp_path), "--repetitions", "2", "--frames", "7"])
    assert str(_section()) in page.read_text("utf-8")
    assert asked == [(tmp_path, 5, 50), (tmp_path, 2, 7)]


def _section():
    report = importlib.import_module("report")
    machine = report.Machine("Z80", 1, "CP/M", "CPython", {}, 0.0, dt.date(2026, 11, 2))
    return report.Section("start-and-predict", "Starts", machine, ("a paragraph",))


def test_few_long_frames_are_timed_less_often(tmp_path, monkeypatch):
    program = importlib.import_module("start_and_predict")
    timing = importlib.import_module("timing")
    preprocessing = importlib.import_module("preprocessing")
    monkeypatch.setattr(preprocessing, "decoded", lambda path: path)
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    assert program.time_frames(lambda _: None, tmp_path, 50) == [4000.0] * 3
    assert program.time_frames(lambda _: None, tmp_path, 2) == [4000.0] * 2


def test_statements_alternate(tmp_path):
    workers = importlib.import_module("workers")
    log = tmp_path / "log"
    statements = [f"open({str(log)!r}, 'a').write({letter!r})" for letter in "ab"]
    seconds = workers.time_statements(statements, 2)
    assert log.read_text() == "abab"
    assert all(len(took) == 2 and min(took) > 0 for took in seconds.values())


def test_ratios_are_taken_round_by_round():
    comparison = importlib.import_module("comparison")
    run = importlib.import_module("workers").Run
    group = comparison.Group("", (1,), ("trunkline-pb", "recipe"))
    runs = {
        ("trunkline-pb", 1): [run(1.0, 2.0, 50.0, {}), run(2.0, 2.0, 50.0, {})],
        ("recipe", 1): [run(9.0, 8.0, 500.0, {}), run(22.0, 12.0, 500.0, {})],
    }
    row = comparison._row(group, runs, 1, "recipe")
    assert row[2:] == [
        "15.5 (9.00 to 22.0)",
        "10.0 (9.00 to 11.0)",
        "10.0 (8.00 to 12.0)",
        "5.00 (4.00 to 6.00)",
        "500 (500 to 500)",
    ]


def test_missed_targets_are_said():
    comparison = importlib.import_module("comparison")
    run = importlib.import_module("workers").Run
    runs = {
        (name, 3): [run(start, 1.0, 1.0, {})]
        for name, start in [("trunkline-pb", 1.0), ("recipe", 5.0), ("recipe-once", 4.9)]
    }
    imports = {"import numpy": [0.1], "import trunkline": [0.36]}
    recipe, once, package, agreement = comparison._verdicts(runs, imports, 3e-7)
    assert recipe.endswith("To reach: at least 5. Reached.")
    assert once.endswith("To reach: at least 5. **Missed.**")
    assert "`: 0.260 s." in package
    assert package.endswith("**Missed.**")
    assert "more than 3e-07" in agreement
