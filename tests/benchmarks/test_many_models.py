# SPDX-License-Identifier: Apache-2.0
"""The benchmark of many models: it runs, it measures by turns, and it judges as told."""

from __future__ import annotations

import datetime as dt
import importlib
import itertools
from pathlib import Path

import numpy as np
import pytest

import trunkline

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@pytest.fixture(scope="module")
def crowd(shared, tmp_path_factory):
    """Four made-up exports on a real trunk."""
    folder = tmp_path_factory.mktemp("crowd")
    importlib.import_module("crowd").write_crowd(shared / "models" / "fruit-2", folder, 4)
    return folder


@pytest.mark.slow
def test_a_quick_run_takes_every_measure_and_writes_nothing(shared, run_program):
    page = PAGE.read_bytes()
    run = run_program("many_models.py", "--quick", "--models-dir", shared / "models")
    assert run.returncode == 0, run.stderr
    _, _, table = run.stdout.partition("| measured |")
    lines = table.partition("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    starts = [
        "4 models on one trunk, time per frame, every answer read",
        "4 models on one trunk, time per frame, no answer read",
        "30 models on one trunk, time per frame, every answer read",
        "30 models on one trunk, time per frame, no answer read",
        "1 real export, frames per second",
        "1 real export, peak memory",
        "3 exports on one trunk, ready tensors",
        "3 exports on one trunk, frames",
        "2 models that share nothing, ready tensors",
        "2 models that share nothing, frames",
        "2 models that share nothing, JPEG files",
        "1 trunk, ready tensors",
        "1 trunk, frames",
        "add a model to a loaded trunk: TensorFlow",
        "30 models on one trunk, memory in use",
        "30 models on one trunk, peak memory",
        "a model loaded and unloaded 20 times, on a loaded trunk",
        "a model loaded and unloaded 20 times, in an empty set",
    ]
    assert len(rows) == len(starts)
    for row, start in zip(rows, starts, strict=True):
        assert row[0].startswith(start)
        assert row[5] in {"Reached.", "**Missed.**", ""}
    figures = {row[0]: float(row[3].split()[0]) for row in rows}
    # A process with TensorFlow in it needs hundreds of MiB more; thirty heads are 0.4 MiB.
    assert figures["1 real export, peak memory"] < 0.5
    assert 0.9 < figures["30 models on one trunk, memory in use"] < 1.1
    assert PAGE.read_bytes() == page


def test_some_measures_are_taken_and_never_written(shared, monkeypatch, tmp_path, capsys):
    program = importlib.import_module("many_models")
    monkeypatch.setattr(importlib.import_module("options"), "PAGE", tmp_path / "page.md")
    program.main(["--quick", "--only", "twenty", "--models-dir", str(shared / "models")])
    assert "4 models on one trunk" in capsys.readouterr().out
    monkeypatch.setattr(program, "measure_all", lambda *given, quick: _section())
    program.main(["--only", "twenty", "--models-dir", str(tmp_path)])
    program.main(["--no-write", "--models-dir", str(tmp_path)])
    assert not (tmp_path / "page.md").exists()
    program.main(["--models-dir", str(tmp_path)])
    assert str(_section()) in (tmp_path / "page.md").read_text("utf-8")


def _section():
    report = importlib.import_module("report")
    machine = report.Machine("Z80", 1, "CP/M", "CPython", {}, 0.0, dt.date(2026, 11, 2))
    return report.Section("many-models", "Many", machine, ("a paragraph",))


def test_an_unknown_measure_is_refused(run_program):
    run = run_program("many_models.py", "--only", "everything")
    assert run.returncode == 2
    assert "'everything'" in run.stderr


def test_every_measure_is_there():
    for module, function in importlib.import_module("many_models").MEASURES.values():
        assert callable(getattr(importlib.import_module(module), function))


def test_the_crowd_shares_a_trunk_and_nothing_else(crowd):
    models = trunkline.load(crowd)
    (part,) = models.plan.parts
    assert part.segment.macs > 200_000_000
    answers = models.predict(np.full((300, 300, 3), 128, np.uint8))
    assert [len(answer.labels) for answer in answers.values()] == [9, 2, 4, 9]
    values = np.concatenate([answer.probabilities for answer in answers.values()])
    assert len(set(values.tolist())) == len(values)


def test_the_crowd_is_the_same_every_time(crowd, shared, tmp_path):
    importlib.import_module("crowd").write_crowd(shared / "models" / "fruit-2", tmp_path, 2)
    for file in ("made-0000/model.pb", "made-0001/model.pb", "made-0001/labels.txt"):
        assert (tmp_path / file).read_bytes() == (crowd / file).read_bytes()


def test_models_on_several_trunks_are_not_timed_as_one(shared):
    frames = importlib.import_module("frames")
    folder = shared / "models"
    models = trunkline.load(folder / "fruit-2", folder / "landmarks-other-trunk")
    with pytest.raises(RuntimeError, match="2 models are on 2 trunks, not 1"):
        frames._check_shared(models)


def test_real_exports_are_taken_again_when_they_run_out():
    lab = importlib.import_module("lab")
    named = lab.same_trunk(Path("models"), len(lab.SAME_TRUNK) + 1)
    assert list(named) == [*lab.SAME_TRUNK, "fruit-2-again"]
    assert named["fruit-2-again"] == Path("models/fruit-2")


def test_sides_take_turns_and_what_comes_after_is_not_timed(monkeypatch):
    timing = importlib.import_module("timing")
    now, log = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def takes(seconds, name=""):
        now[0] += seconds
        log.append(name)

    sides = [
        timing.Side("a", lambda: takes(1, "a"), after=lambda: takes(10, "-")),
        timing.Side("b", lambda: takes(4, "b"), frames=2),
    ]
    assert timing.alternate(sides, 2, 20.0) == {"a": [1000.0] * 2, "b": [2000.0] * 2}
    # After the warm-up, two passes of 15 seconds make a round of at least 20.
    assert "".join(log) == "a-" * timing.WARM_UP + "b" * timing.WARM_UP + "a-b" * 4


def test_a_round_is_the_median_of_its_calls(monkeypatch):
    timing = importlib.import_module("timing")
    now, steps = [0.0], iter([1, 1, *[1, 2, 9], *[3, 3, 4]])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def call():
        now[0] += next(steps)

    assert timing.alternate([timing.Side("a", call)], 2, 9.0) == {"a": [2000.0, 3000.0]}


@pytest.mark.parametrize(
    ("kind", "figures", "is_met"),
    [
        ("at most", [1.0, 1.05, 9.0], True),
        ("at most", [1.0, 1.06, 1.06], False),
        ("at least", [1.0, 8.0, 8.0], True),
        ("at least", [7.9], False),
        ("more than", [1.0], False),
        ("more than", [1.01], True),
    ],
)
def test_the_median_of_the_rounds_is_judged(kind, figures, is_met):
    limit = {"at most": 1.05, "at least": 8.0, "more than": 1.0}[kind]
    assert importlib.import_module("figures").Target(kind, limit).is_met(figures) is is_met


def test_a_finding_says_what_was_reached():
    figures = importlib.import_module("figures")
    target = figures.Target("at most", 1.0)
    missed = figures.Finding("growth", "9 MiB", "7 MiB", [2.0, 3.0], target, "MiB")
    told = figures.Finding("speed", "9 ms", "3 ms", [3.0])
    assert str(figures.findings_table([missed, told])).splitlines()[2:] == [
        "| growth | 9 MiB | 7 MiB | 2.500 MiB (2.000 to 3.000) | at most 1 MiB | **Missed.** |",
        "| speed | 9 ms | 3 ms | 3.000 |  |  |",
    ]


def test_a_figure_close_to_its_limit_can_be_told_from_it():
    figures = importlib.import_module("figures")
    assert figures.spread([1.104], finely=True) == "1.104"
    assert [figures.short(value) for value in (0.0123, 1.104, 11.04, 110.4)] == [
        "0.012",
        "1.10",
        "11.0",
        "110",
    ]


def test_each_side_of_a_contest_is_taken_at_its_best():
    contest = importlib.import_module("contest")
    figures = importlib.import_module("figures")
    made = contest.Contest(
        "ten", {"slow": print, "fast": print}, "Others", {"a": print, "b": print},
        figures.Target("at least", 2.0),
    )  # fmt: skip
    rates = {
        "Trunkline: slow": [90.0, 1.0, 1.0],
        "Trunkline: fast": [20.0, 30.0, 40.0],
        "Others: a": [10.0, 10.0, 10.0],
        "Others: b": [9.0, 9.0, 90.0],
    }
    outcome = contest.Outcome(made, rates)
    finding = outcome.finding()
    assert list(finding.figures) == [2.0, 3.0, 4.0]
    assert finding.row()[-1] == "Reached."
    rows = str(contest.settings_table([outcome])).splitlines()
    assert rows[0] == "| frames per second | ten |"
    assert rows[-1] == "| Others: b | 9.00 (9.00 to 90.0) |"


def test_a_contest_runs_every_setting_with_its_frames():
    contest = importlib.import_module("contest")
    lab = importlib.import_module("lab").Lab(Path(), Path(), Path(), rounds=2, quick=True)
    pushed = []
    made = contest.Contest("", {"x": pushed.append}, "Others", {"x": pushed.append}, None)
    rates = made.run(lab).rates
    assert {title: len(of) for title, of in rates.items()} == {"Trunkline: x": 2, "Others: x": 2}
    assert set(pushed) == {2}


def test_frames_are_divided_among_threads():
    callers = importlib.import_module("callers")
    count = itertools.count()
    callers.side_by_side([lambda: next(count)] * 3)(7)
    assert next(count) == 9  # three for each


def test_a_thread_that_fails_is_heard_of():
    callers = importlib.import_module("callers")
    with pytest.raises(ZeroDivisionError):
        callers.side_by_side([lambda: 1 / 0] * 2)(2)


def test_separate_graphs_answer_alike_in_every_setting():
    import openvino
    from openvino import opset13 as ops

    callers = importlib.import_module("callers")
    seen = []
    source = ops.parameter([1, 4], np.float32)
    graphs = [openvino.Model([ops.multiply(source, np.float32(n))], [source]) for n in (2, 3)]

    def feed():
        seen.append(1)
        return [np.arange(4, dtype=np.float32)[None]] * 2

    outputs = callers.answer(callers.requests_of(graphs), feed)
    assert [output.tolist() for output in outputs] == [[[0, 2, 4, 6]], [[0, 3, 6, 9]]]
    for make in callers.SETTINGS.values():
        seen.clear()
        make(graphs)(feed)(12)
        assert len(seen) == 12


def test_growth_is_told_after_the_first_twentieth(monkeypatch, tmp_path):
    memory = importlib.import_module("memory")
    lab = importlib.import_module("lab").Lab(tmp_path, tmp_path, tmp_path, rounds=1, quick=False)
    held = [50.0] * 50 + [100.0] * 50 + [101.0] * 850 + [104.0] * 50
    monkeypatch.setattr(memory, "_run", lambda worker, what, lab: held)
    finding = memory._growth(lab, "come-and-go", 1000)
    assert list(finding.figures) == [4.0]
    assert finding.row()[-1] == "**Missed.**"
    assert finding.measured.startswith("a model loaded and unloaded 1,000 times, on a loaded trunk")


def test_a_process_that_fails_stops_the_run_with_its_own_words(tmp_path):
    memory = importlib.import_module("memory")
    lab = importlib.import_module("lab").Lab(tmp_path, tmp_path, tmp_path, rounds=1, quick=True)
    with pytest.raises(RuntimeError, match=r"(?s)hold /no/such failed.*/no/such"):
        memory._run("hold", "/no/such", lab)
