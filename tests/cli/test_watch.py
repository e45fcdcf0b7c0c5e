# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

import builders
from trunkline.cli import tables
from trunkline.cli.faults import PoliteGroup
from trunkline.cli.watch import watch_command
from trunkline.engine import heap
from trunkline.streams import watching
from trunkline.streams.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE = 60
MAIN = """
from trunkline.cli.faults import PoliteGroup
from trunkline.cli.watch import watch_command
group = PoliteGroup()
group.add_command(watch_command)
group()
"""
FOLLOWED = '[[cameras]]\nsource = "pictures"\nname = "yard"\nfollow = true\n'


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with four pictures and a model."""
    monkeypatch.chdir(tmp_path)
    # Of this process other tests ask how much memory it takes.
    monkeypatch.setattr(heap, "keep_large_blocks", lambda: True)
    for i, colour in enumerate(["red", "red", "lime", "blue"]):
        builders.picture(tmp_path / "pictures" / f"{i}.png", colour)
    builders.openvino_classifier(tmp_path / "colours")
    return tmp_path


def run(*arguments: str) -> Result:
    group = PoliteGroup()
    group.add_command(watch_command)
    return CliRunner().invoke(group, ["watch", *arguments])


def test_plain_lines_for_every_frame_and_event(place: Path) -> None:
    done = run("pictures", "-m", "colours")
    assert done.exit_code == 0, done.output
    assert [line.split("  ")[1] for line in done.stdout.splitlines()] == [
        "colours: red 100.0 %",
        "begin colours: red 100.0 %",
        "colours: red 100.0 %",
        "colours: green 100.0 %",
        "end colours: red",
        "begin colours: green 100.0 %",
        "colours: blue 100.0 %",
        "end colours: green",
        "begin colours: blue 100.0 %",
    ]
    assert "4 frames" in done.stderr
    assert "dropped none" in done.stderr


def test_a_page_beside_it() -> None:
    done = run("pictures", "-m", "colours", "--page", "0")
    assert done.exit_code == 0, done.output
    assert "The live page is at http://127.0.0.1:" in done.stderr
    assert "4 frames" in done.stderr


@pytest.mark.parametrize(("options", "count"), [((), 0), (("--page", "0"), 1)])
def test_nothing_is_kept_for_a_page_that_nobody_wants(
    options: tuple[str, ...], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    class Counted(Watcher):
        def __init__(self, *arguments: Any, sinks: Sequence[Any], **named: Any) -> None:
            made.append(len(sinks))
            super().__init__(*arguments, sinks=sinks, **named)

    monkeypatch.setattr(watching, "Watcher", Counted)
    assert run("pictures", "-m", "colours", *options).exit_code == 0
    assert made == [count]


def test_a_page_for_others_is_refused() -> None:
    done = run("pictures", "-m", "colours", "--page", "0.0.0.0:0")
    assert done.exit_code == 2
    assert "other machines" in done.stderr


def test_lines_of_json_instead(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "watch", "pictures", "-m", "colours", "--sink", "jsonl",
         "--smooth", "2/3", "--every", "1", "-q"],
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["number"] for line in lines] == [0, 1, 2, 3]
    labels = [line["predictions"]["colours"]["label"] for line in lines]
    assert labels == ["red", "red", "green", "blue"]
    events = [(line["number"], e["label"], e["state"]) for line in lines for e in line["events"]]
    assert events == [(1, "red", "begin"), (3, "red", "end")]


def test_a_terminal_gets_a_table(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tables, "plain_console", lambda: Console(force_terminal=True, width=100, height=30)
    )
    done = run("pictures", "-m", "colours")
    assert done.exit_code == 0
    assert "camera" in done.stdout
    assert "blue 100.0 %" in done.stdout
    assert "begin" not in done.stdout


def test_quiet_shows_nothing_and_fills_sinks(place: Path) -> None:
    done = run("pictures", "-m", "colours", "-q", "--sink", "jsonl:out.jsonl",
               "--on-event", "touch events")  # fmt: skip
    assert (done.exit_code, done.output) == (0, "")
    assert len((place / "out.jsonl").read_text().splitlines()) == 4
    assert (place / "events").exists()


def test_memory_of_frames_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(heap, "keep_large_blocks", lambda: kept.append(True))
    assert run("pictures", "-m", "colours").exit_code == 0
    assert kept == [True]


def test_the_same_source_twice_gets_two_names(place: Path) -> None:
    done = run("pictures", "pictures", "-m", "colours")
    assert done.exit_code == 0
    assert "pictures (2): 4 frames" in done.stderr


def test_cameras_from_a_file(place: Path) -> None:
    (place / "trunkline.toml").write_text(
        'models = ["other=colours"]\n[watch]\nsinks = ["jsonl:out.jsonl"]\n'
        '[[cameras]]\nsource = "pictures"\nname = "yard"\nevery = 2\n'
    )
    done = run()
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "yard #0  other: red 100.0 %"
    assert len((place / "out.jsonl").read_text().splitlines()) == 2
    with_more = run("pictures", "--config", "trunkline.toml", "-m", "colours")
    assert with_more.exit_code == 0
    assert "pictures: 4 frames" in with_more.stderr
    assert "yard: 2 frames" in with_more.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-m", "colours"), "Give a SOURCE"),
        (("pictures",), "Give a model with -m"),
        (("pictures", "-m", "colours", "--smooth", "x"), "K/N"),
        (("nowhere.mp4", "-m", "colours"), "nowhere.mp4"),
        (("pictures", "-m", "nothing"), "No model could be loaded"),
        (("pictures", "-m", "colours", "--sink", "jsonl:a", "--sink", "x"), "no sink 'x'"),
        (("--config", "two.toml", "-m", "colours"), "Two cameras are called a"),
        (("--config", "none.toml", "-m", "colours"), "none.toml"),
    ],
)
def test_what_cannot_be_done_is_said(place: Path, arguments: tuple[str, ...], said: str) -> None:
    (place / "two.toml").write_text('[[cameras]]\nsource = "pictures"\nname = "a"\n' * 2)
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "fault in Trunkline" not in done.stderr


def test_what_failed_is_said_and_the_rest_is_watched(place: Path) -> None:
    done = run("pictures", "-m", "colours", "-m", "nothing")
    assert done.exit_code == 2
    assert "4 frames" in done.stderr
    (place / "torn.mp4").write_bytes(b"nothing like a video" * 100)
    done = run("torn.mp4", "pictures", "-m", "colours")
    assert done.exit_code == 2
    assert "torn.mp4" in done.stderr
    assert "pictures: 4 frames" in done.stderr


def test_it_stops_after_some_seconds(place: Path) -> None:
    (place / "trunkline.toml").write_text(FOLLOWED)
    done = run("-m", "colours", "--seconds", "0.5")
    assert done.exit_code == 0, done.output
    assert "yard: 4 frames" in done.stderr


@pytest.mark.parametrize(
    ("number", "status", "shown"),
    [(signal.SIGINT, 130, True), (signal.SIGTERM, 0, True), (signal.SIGINT, 130, False)],
)
def test_signals_end_it_quietly(
    place: Path, number: signal.Signals, status: int, *, shown: bool
) -> None:
    (place / "trunkline.toml").write_text(FOLLOWED)
    sinks = () if shown else ("--sink", "jsonl")
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "watch", "-m", "colours", *sinks],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        killer = threading.Timer(PATIENCE, process.kill)
        killer.start()
        assert process.stdout
        assert "red" in process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate()
        killer.cancel()
    assert process.returncode == status
    assert errors.startswith("yard: ")
    assert "Traceback" not in errors
    assert "trunkline:" not in errors


WORST_MOMENT = """
import os, signal
from trunkline.streams import watching
from trunkline.streams.board import Board

watching._JOIN = 3600

def wake(self):
    self._lock.acquire()
    os.kill(os.getpid(), signal.SIGINT)
    self._lock.release()

Board.wake = wake
"""


def test_ctrl_c_may_come_while_a_lock_is_held(place: Path) -> None:
    (place / "trunkline.toml").write_text(FOLLOWED)
    done = subprocess.run(
        [sys.executable, "-c", WORST_MOMENT + MAIN, "watch", "-m", "colours"],
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr.startswith("yard: ")
