# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from trunkline.cli.watchview import live_table, problem_lines, sight_lines, summary_lines
from trunkline.streams.figures import CameraFigures, Figures, Latency, ModelFigures, SinkFigures
from trunkline.streams.frames import Event, Sight
from watchfakes import classified, detected, frame

MODEL = ModelFigures("pets", 30, 14.96, {}, "", classified("cat"), ("cat",))
DOOR = CameraFigures(
    "door", True, "running", "", 30, 15.04, Latency(0.012, 0.02, 0.03), {"late": 2, "source": 1},
    (MODEL, replace(MODEL, model="boxes", answer=None)),
)  # fmt: skip
YARD = CameraFigures("yard", True, "waiting", "It is not there.", 0, 0, Latency(), {}, ())
FINE, BROKEN = SinkFigures(0, ""), SinkFigures(3, "The disk is full.")


def shown(figures: Figures, lines: int = 40) -> list[str]:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(live_table(figures, lines))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_the_table_has_a_row_for_each_camera_and_model() -> None:
    _, *rows = shown(Figures((DOOR, YARD), (FINE, BROKEN)))
    assert rows == [
        "door 15.0 12 ms 3 pets 15.0 cat 90.0 %",
        "boxes 15.0",
        "yard 0.0 0 It is not there.",
        "sink 3 The disk is full.",
    ]


def test_problems_are_in_the_place_of_answers() -> None:
    failing = replace(MODEL, problem="It broke.")
    stalled = replace(DOOR, problem="No picture.", models=(failing,))
    starting = replace(YARD, state="running", problem="")
    _, *rows = shown(Figures((stalled, starting), ()))
    assert rows == ["door 15.0 12 ms 3 No picture.", "pets 15.0 It broke.", "yard 0.0 0 running"]


def test_a_table_fits_on_the_terminal() -> None:
    many = replace(DOOR, models=tuple(replace(MODEL, model=f"m{i}") for i in range(100)))
    rows = shown(Figures((many,), ()), lines=24)
    assert len(rows) <= 24
    assert rows[-1] == "and 80 rows more"


def test_a_sight_in_lines() -> None:
    events = (
        Event("door", "pets", "cat", "begin", 1.2, 12, 0.9),
        Event("door", "pets", "dog\n", "end", 1.2, 12, 0.0),
    )
    sight = Sight(frame(12), {"pets": classified("cat"), "b": detected(("dog", 0.6))}, events, 0.1)
    assert list(sight_lines(sight)) == [
        "door #12  pets: cat 90.0 %; b: 1 box: dog 60.0 %",
        "door #12  begin pets: cat 90.0 %",
        "door #12  end pets: dog",
    ]
    assert list(sight_lines(Sight(frame(1), {}, (), 0.1))) == []


def test_the_summary_says_what_was_dropped_and_why() -> None:
    door = replace(DOOR, models=(replace(MODEL, dropped={"late": 2}), MODEL))
    assert list(summary_lines(Figures((door, YARD), ()))) == [
        "door: 30 frames, latency 12 ms (p99 30 ms), dropped 2 late, 1 source",
        "  pets: dropped 2 late",
        "yard: 0 frames, dropped none",
    ]


def test_problems_are_those_that_stay() -> None:
    failed = replace(YARD, state="failed")
    faulty = replace(DOOR, models=(replace(MODEL, dropped={"error": 1}, problem="It broke."),))
    figures = Figures((DOOR, YARD, failed, faulty), (FINE, BROKEN, SinkFigures(0, "It is slow.")))
    assert list(problem_lines(figures)) == [
        "yard: It is not there.",
        "door: pets failed. It broke.",
        "A sink lost 3 items. The disk is full.",
        "A sink failed. It is slow.",
    ]
