# SPDX-License-Identifier: Apache-2.0
"""The commands as a person runs them: in a shell, in a pipe, on a terminal."""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import builders
from acceptance.commands import environment, lines, trunkline

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as a person may have it: models, a zip, and pictures."""
    home = tmp_path_factory.mktemp("home")
    first = builders.openvino_classifier(home / "first")
    builders.onnx_classifier(home / "models" / "many", labels=("red", "green", "青 🟦"))
    builders.boxes_detector(home / "models" / "places")
    builders.zip_of(home / "packed.zip", {p.name: p.read_bytes() for p in first.iterdir()})
    builders.picture(home / "photo.jpg", "blue")
    for i, colour in enumerate(("red", "lime", "blue")):
        builders.picture(home / "pictures" / f"{i} {colour}.png", colour)
    builders.picture(home / "pictures" / "more" / os.fsdecode(b"caf\xe9.png"), "red")
    return home


def test_every_model_answers_for_every_picture(home: Path) -> None:
    done = trunkline(
        *("predict", "-m", "first/", "-m", "models/", "-m", "packed.zip", "-m", "mine=first"),
        *("photo.jpg", "pictures/", "-", "--json", "--csv", "answers.csv"),
        cwd=home,
        stdin=builders.png_bytes("red"),
    )
    assert done.stderr == b""
    assert done.returncode == 0
    answers = lines(done)
    odd = os.fsdecode(b"pictures/more/caf\xe9.png")
    assert {each["frame"]: each["predictions"]["first"]["label"] for each in answers} == {
        "photo.jpg": "blue",
        "pictures/0 red.png": "red",
        "pictures/1 lime.png": "green",
        "pictures/2 blue.png": "blue",
        odd: "red",
        "-": "red",
    }
    for each in answers:
        predictions = each["predictions"]
        assert list(predictions) == ["first", "many", "places", "packed", "mine"]
        assert predictions["packed"] == predictions["mine"] == predictions["first"]
    assert answers[0]["predictions"]["many"]["label"] == "青 🟦"
    with (home / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == set(answers[0]["predictions"])
    assert len({row["frame"] for row in rows}) == 6


def test_a_pipe_gets_whole_lines_without_colours(home: Path) -> None:
    picture = home.joinpath(*["a folder with a long name"] * 6, "red.png")
    builders.picture(picture, "red")
    done = trunkline("predict", "-m", home / "models", picture)
    text = done.stdout.decode("utf-8")
    assert done.returncode == 0
    assert text.splitlines()[1] == f"{picture}  many    red 100.0 %"
    assert "\x1b" not in text


def test_inspect_says_what_was_decided_and_why(home: Path) -> None:
    done = trunkline("inspect", "models/", "first", "--json", cwd=home)
    assert done.returncode == 0
    *described, shared = lines(done)
    models = {each["name"]: each for each in described}
    assert shared["totals"]["models"] == len(models)
    assert list(models) == ["many", "places", "first"]
    assert models["many"]["labels"] == ["red", "green", "青 🟦"]
    assert all(decision["because"] for each in models.values() for decision in each["decisions"])


def test_a_terminal_sees_a_bar_and_the_pipe_does_not(home: Path) -> None:
    command = [sys.executable, "-m", "trunkline", "predict", "-m", str(home / "first"), "--json"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command, *[str(home / "pictures")] * 2],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment() | {"TERM": "xterm"},
    )
    os.close(theirs)
    assert process.stdout
    with process.stdout:
        answers = [json.loads(line) for line in process.stdout]
    terminal = read_all(ours)
    assert process.wait() == 0
    assert len(answers) == 8
    assert "0/8" in terminal
    assert "8/8" in terminal


def test_a_reader_that_has_enough_ends_it_quietly(home: Path) -> None:
    command = [sys.executable, "-m", "trunkline", "predict", "-m", str(home / "first"), "--json"]
    process = subprocess.Popen(
        [*command, *[str(home / "pictures")] * 500],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith(b"{")
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 1


def test_ctrl_c_ends_it_quietly(home: Path) -> None:
    command = [sys.executable, "-m", "trunkline", "predict", "-m", str(home / "first"), "--json"]
    # It waits for a picture on standard input, which never comes.
    process = subprocess.Popen(
        [*command, str(home / "photo.jpg"), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        # A shell that runs the tests in the background lets them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith(b"{")  # lines come as soon as they are known
    process.send_signal(signal.SIGINT)
    with process.stdin, process.stdout, process.stderr:
        assert process.stderr.read() == b""
        assert process.stdout.read() == b""
    assert process.wait() == 130


def test_help_is_there_at_once() -> None:
    code = (
        "import sys; from trunkline.cli import main\n"
        "try: main(['predict', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = 'numpy', 'openvino', 'onnx', 'PIL', 'rich'\n"
        "sys.exit(str([name for name in heavy if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.stdout.startswith(b"Usage: ")
    assert done.stderr.strip() == b"[]"


def read_all(descriptor: int) -> str:
    """Read a terminal until its other end is closed, which Linux reports as an error."""
    parts = []
    try:
        while part := os.read(descriptor, 65536):
            parts.append(part)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("utf-8")
