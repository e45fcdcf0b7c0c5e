# SPDX-License-Identifier: Apache-2.0
"""The soak: it runs, it tells what it saw, and it notices what is not accounted for."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from trunkline.streams.figures import CameraFigures, Figures, Latency, ModelFigures, SinkFigures
from trunkline.streams.status import SourceStatus

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
ZEROES = (
    "frames of cameras not accounted for",
    "turns of models not accounted for",
    "items of sinks not accounted for",
    "frames out of order or twice",
    "whole files not read whole",
    "changes of models that went wrong",
    "threads left behind",
    "file descriptors left behind",
    "processes left behind",
)
SINKS = {
    "lines in a file": "lines",
    "lines in a pipe": "piped",
    "web hook": "posted",
    "MQTT": "published",
    "command": "ran",
    "video": "filmed",
}


def module(name):
    return importlib.import_module(name)


@pytest.fixture
def mosquitto():
    if shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        if os.environ.get("CI"):
            pytest.fail("in CI nothing may be skipped: apt-get install mosquitto")
        pytest.skip("there is no mosquitto: apt-get install mosquitto")


def test_a_quick_soak_accounts_for_everything_and_writes_nothing(mosquitto, run_program):
    page = PAGE.read_bytes()
    run = run_program("soak.py", "--quick")
    assert run.returncode in (0, 1), run.stderr
    for what in ZEROES:
        assert f"| {what} | 0 | 0 | Reached. |" in run.stdout
    assert "growth of memory" not in run.stdout
    for camera in ("film", "films", "pictures", "arriving", "http-1", "http-2", "never there"):
        assert f"| {camera} |" in run.stdout
    assert PAGE.read_bytes() == page


def camera(name="door", *, frames=90, source=3, **dropped):
    model = ModelFigures("colours", frames - 1, 0.0, {"error": 1, **dropped}, "", None, ())
    dropped |= {"source": source}
    return CameraFigures(name, True, "ended", "", frames, 0.0, Latency(), dropped, (model,))


@pytest.fixture
def good():
    """What a soak without a fault looks like."""
    left = module("soak_trial").Left(("MainThread 1",), ("/dev/null",), ("17",))
    status = SourceStatus("ended", received=105, dropped=3, skipped=2)
    sink = SimpleNamespace(count=100, dropped=40, sink=SimpleNamespace(delivered=60))
    told = SinkFigures(40, "", {"door": 40})
    return {
        "seconds": 100.0,
        "closing": 5.0,
        "memory": [(number * 1000, 100.0) for number in range(80)],
        "figures": Figures((camera(late=10),), (SinkFigures(0, ""), *[told] * len(SINKS))),
        "sources": {"door": SimpleNamespace(given=100, status=status, source=object())},
        "sinks": dict.fromkeys(SINKS, sink),
        "tally": SimpleNamespace(
            frames=Counter(door=90), answers=Counter({("door", "colours"): 89}), disorder=[]
        ),
        "turnover": SimpleNamespace(wrong=[]),
        "seen": dict.fromkeys(SINKS.values(), 60),
        "done": {"the broker is killed": 1},
        "before": left,
        "after": left,
    }


def missed(trial):
    checks = module("soak").checks(module("soak_trial").Trial(**trial))
    return [each.what for each in checks if not each.holds]


def test_a_soak_without_a_fault_is_good(good):
    assert missed(good) == []


@pytest.mark.parametrize(
    ("figures", "what"),
    [
        (camera(late=11), ["frames of cameras", "turns of models"]),
        (camera(late=10, source=4), ["frames of cameras"]),
        (camera(late=9, strange=1), ["frames of cameras", "turns of models"]),
        (camera(late=10, frames=91), ["frames of cameras", "turns of models"]),
    ],
)
def test_frames_that_do_not_add_up_are_noticed(good, figures, what):
    changed = Figures((figures,), good["figures"].sinks)
    assert missed(good | {"figures": changed}) == [f"{each} not accounted for" for each in what]


def test_a_model_that_nobody_knows_is_noticed(good):
    good["tally"].answers["door", "ghost"] = 1
    assert missed(good) == ["turns of models not accounted for"]


@pytest.mark.parametrize(
    ("seen", "holds"),
    [
        ({"lines": 61}, False),
        ({"filmed": 59}, False),
        ({"posted": 59}, False),
        ({"posted": 101}, False),
        ({"posted": 70, "ran": 61, "piped": 3}, True),
    ],
)
def test_the_other_ends_of_sinks_are_asked(good, seen, holds):
    found = missed(good | {"seen": good["seen"] | seen})
    assert found == ([] if holds else ["items of sinks not accounted for"])


def test_a_sink_that_loses_something_is_noticed(good):
    lossy = SimpleNamespace(count=100, dropped=40, sink=SimpleNamespace(delivered=59))
    sinks = good["sinks"] | {"MQTT": lossy}
    assert missed(good | {"sinks": sinks}) == ["items of sinks not accounted for"]


def test_growth_of_memory_is_noticed(good):
    # Three MiB per 100,000 frames, from the beginning to the end.
    memory = [(number * 1000, 100 + number * 0.03) for number in range(80)]
    assert missed(good | {"memory": memory}) == ["growth of memory"]
    # What is taken at first and kept is no growth.
    memory = [(number * 1000, 100 + 50 * (number > 19)) for number in range(80)]
    assert missed(good | {"memory": memory}) == []


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("threads", "threads left behind"),
        ("files", "file descriptors left behind"),
        ("processes", "processes left behind"),
    ],
)
def test_what_is_left_behind_is_noticed(good, kind, what):
    left = {"threads": (), "files": (), "processes": ()}
    before = module("soak_trial").Left(**left | {kind: ("a", "a")})
    after = module("soak_trial").Left(**left | {kind: ("a", "a", "a")})
    assert missed(good | {"before": before, "after": after}) == [what]
    assert missed(good | {"before": after, "after": before}) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"closing": 30.1}, "time to close"),
        ({"done": {}}, "troubles that were made"),
        ({"turnover": SimpleNamespace(wrong=["x"])}, "changes of models that went wrong"),
    ],
)
def test_other_faults_are_noticed(good, change, what):
    assert missed(good | change) == [what]


def test_frames_out_of_order_and_files_read_in_part_are_noticed(good):
    good["tally"].disorder.append("door#7")
    good["sources"]["door"].source = SimpleNamespace(wrong=["a.mp4: 199 of 200"])
    assert missed(good) == ["frames out of order or twice", "whole files not read whole"]


def test_what_is_there_now_is_seen(tmp_path):
    left = module("soak_trial").Left
    before = left.now()
    with (
        (tmp_path / "open").open("w"),
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1),
    ):
        now = left.now()
        new = module("soak")._new
        assert new(before.files, now.files).count(str(tmp_path / "open")) == 1
        assert len(new(before.processes, now.processes)) == 1
    assert not new(before.processes, left.now().processes)
