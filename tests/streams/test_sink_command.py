# SPDX-License-Identifier: Apache-2.0
"""Commands that are run for events, whatever is in their labels."""

from __future__ import annotations

import json
import stat
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sights import ended, event, eventually, sight
from trunkline.errors import TrunklineError
from trunkline.streams.sink_command import Command

_RECORD = """#!{python} -SE
import json, os, sys, tempfile
mine = {{k: v for k, v in os.environb.items() if k.startswith(b"TRUNKLINE_")}}
values = [[os.fsencode(a).decode("latin-1") for a in sys.argv[1:]],
          {{k.decode(): v.decode("latin-1") for k, v in mine.items()}}]
file, name = tempfile.mkstemp(dir={folder!r})
os.write(file, json.dumps(values).encode())
os.close(file)
os.rename(name, name + ".json")
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """A program that writes what it was given; and the folder in which it does."""
    folder = tmp_path_factory.mktemp("given")
    program = folder / "record"
    program.write_text(_RECORD.format(python=sys.executable, folder=str(folder)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, folder


def _given(folder):
    (path,) = folder.glob("*.json")
    arguments, environment = json.loads(path.read_text())
    path.unlink()
    return arguments, environment


def _run(command, *events, **settings):
    sink = Command(command, **settings)
    sink.put(sight(0, *events))
    sink.close(60)
    return sink


def test_a_command_gets_the_event_as_arguments_and_environment(record):
    program, folder = record
    command = f"{program} 'a b' {{stream}}/{{model}} --is={{label}} {{state}} {{probability}} {{x}}"
    sink = _run(command, event("tabby cat"))
    assert (sink.problem, sink.dropped) == ("", 0)
    arguments, environment = _given(folder)
    assert arguments == ["a b", "yard/pets", "--is=tabby cat", "begin", "0.75", "{x}"]
    assert environment == {
        "TRUNKLINE_STREAM": "yard",
        "TRUNKLINE_MODEL": "pets",
        "TRUNKLINE_LABEL": "tabby cat",
        "TRUNKLINE_STATE": "begin",
        "TRUNKLINE_PROBABILITY": "0.75",
        "TRUNKLINE_TIME": "2025-11-23T01:12:48.250Z",
        "TRUNKLINE_NUMBER": "7",
    }


_ANY = st.text(st.characters(exclude_categories=()), max_size=12)
_MEAN = st.sampled_from(
    ["$(id)", "`id`", "; id", "{model}", "{label}", "' \"", "\0", "-rf", "\\", ""]
)


@settings(deadline=None, max_examples=15)
@given(_ANY | _MEAN, _ANY | _MEAN)
def test_no_label_is_more_than_an_argument(record, label, model):
    program, folder = record
    sink = _run(f"{program} x{{label}}y {{model}}", event(label, model=model))
    assert sink.problem == ""
    arguments, environment = _given(folder)
    label, model = (
        text.replace("\0", "").encode("utf-8", "backslashreplace").decode("latin-1")
        for text in (label, model)
    )
    assert arguments == [f"x{label}y", model]
    assert environment["TRUNKLINE_LABEL"] == label


def test_four_run_at_once_and_the_rest_wait(tmp_path):
    gate = tmp_path / "gate"
    script = f"touch {tmp_path}/run-$1; while [ ! -e {gate} ]; do sleep 0.05; done"
    sink = Command(f"sh -c '{script}' sh {{label}}", size=3)
    sink.put(sight(0, *[event(str(number)) for number in range(4)][:3]))
    eventually(lambda: len(list(tmp_path.glob("run-*"))) == 3)
    sink.put(sight(0, event("3")))
    eventually(lambda: len(list(tmp_path.glob("run-*"))) == 4)
    sink.put(sight(0, *[event(str(number)) for number in range(4, 9)]))
    assert sink.dropped == 2
    assert len(sink._running) == 4
    gate.touch()
    sink.close(60)
    assert {path.name for path in tmp_path.glob("run-*")} == {
        f"run-{number}" for number in (0, 1, 2, 3, 6, 7, 8)
    }
    assert sink.dropped == 2


def test_a_command_that_fails_or_hangs_is_a_problem():
    sink = _run("sh -c 'exit 3'", event())
    assert sink.problem == "The command sh ended with status 3."
    sink = _run("sleep 600", event(), seconds=0.2)
    assert sink.problem == "The command sleep took longer than 0.2 s and was stopped."
    assert sink.dropped == 1


def test_a_command_that_cannot_be_run_any_more_is_a_problem(tmp_path):
    program = tmp_path / "gone"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    sink = Command(f"{program} --password secret")
    program.unlink()
    sink.put(sight(0, event()))
    sink.close(60)
    assert sink.problem == "The command gone cannot be run: No such file or directory."
    assert "secret" not in repr(sink)


def test_closing_kills_what_runs_with_its_children(tmp_path):
    script = f"sleep 600 & echo $! > {tmp_path}/child-$1; touch {tmp_path}/ready-$1; wait"
    sink = Command(f"sh -c '{script}' sh {{label}}")
    sink.put(sight(0, *[event(str(number)) for number in range(6)]))
    eventually(lambda: len(list(tmp_path.glob("ready-*"))) == 4)
    sink.close(0)
    assert ended(sink)
    assert sink.dropped == 6
    children = [int(path.read_text()) for path in tmp_path.glob("child-*")]
    assert len(children) == 4
    eventually(lambda: not any(_runs(child) for child in children))


def _runs(process):
    try:
        with open(f"/proc/{process}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("  ", "is empty"),
        ("echo 'x", "quote"),
        ("{label} x", "placeholder"),
        ("no-such-program-here x", "no program"),
        ("sh -c 'echo {label}'", "TRUNKLINE_LABEL"),
        ("/bin/bash -e -xc 'echo {stream}'", "TRUNKLINE_LABEL"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(command, problem):
    with pytest.raises(TrunklineError, match=problem):
        Command(command)


def test_a_shell_may_get_a_label_as_an_argument(tmp_path):
    sink = _run(f"sh -c 'printf %s \"$1\" > {tmp_path}/out' sh {{label}}", event("$(id)"))
    assert sink.problem == ""
    assert (tmp_path / "out").read_text() == "$(id)"
