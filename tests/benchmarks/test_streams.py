# SPDX-License-Identifier: Apache-2.0
"""The benchmark of streams: frames tell which they are, and what was seen of them is worked out."""

from __future__ import annotations

import importlib
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@pytest.fixture(scope="module")
def cameras():
    return importlib.import_module("streams_cameras")


@pytest.fixture(scope="module")
def record():
    return importlib.import_module("streams_record")


@pytest.fixture(scope="module")
def results():
    return importlib.import_module("streams_results")


@pytest.fixture(scope="module")
def frames(cameras, tmp_path_factory):
    """Files for cameras to send: 40 frames of two pictures that are all noise."""
    folder = tmp_path_factory.mktemp("pictures")
    pictures = [folder / "one.jpg", folder / "other.jpg"]
    for seed, picture in enumerate(pictures):
        pixels = np.random.default_rng(seed).integers(0, 255, (90, 120, 3), np.uint8)
        Image.fromarray(pixels).save(picture)
    sent = tmp_path_factory.mktemp("frames")
    cameras.write_frames(pictures, sent, 40)
    return sent


def pixels_of(file):
    with Image.open(file) as image:
        return np.array(image)


def test_a_frame_tells_its_number(cameras, frames):
    files = sorted(frames.iterdir())
    assert [cameras.read_number(pixels_of(file)) for file in files] == list(range(40))
    assert not np.array_equal(pixels_of(files[0])[16:], pixels_of(files[16])[16:])


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_without_bars_has_no_number(cameras, level):
    with pytest.raises(ValueError, match="are no number"):
        cameras.read_number(np.full((480, 640, 3), level, np.uint8))


def test_cameras_tell_what_they_sent(cameras, frames):
    with cameras.Cameras(frames, 2, 50) as running:
        with urllib.request.urlopen(running.urls[1]) as stream:
            assert stream.headers.get_content_type() == "multipart/x-mixed-replace"
            read = b""
            while read.count(b"Content-Length") < 4:
                read += stream.read1()
        sent = running.stop()
    assert {camera for camera, _, _ in sent.frames} == {1}
    numbers = [number for _, number, _ in sent.frames[:3]]
    files = [(frames / f"{number:04d}.jpg").read_bytes() for number in numbers]
    places = [read.index(file) for file in files]
    assert places == sorted(places)
    assert 0 <= sent.busy <= 1


def test_a_loop_takes_cameras_in_turn(cameras, frames):
    loop = importlib.import_module("streams_loop")
    asked = []
    with cameras.Cameras(frames, 2, 20) as running:
        seen = loop.watch_in_turn(lambda frame: asked.append(frame.shape) or {}, running.urls, 0.2)
        sent = running.stop()
    assert set(asked) == {(480, 640, 3)}
    assert len(asked) == len(seen.frames)
    assert {camera for camera, _, _ in seen.frames} == {0, 1}
    assert {each[:2] for each in seen.frames} <= {each[:2] for each in sent.frames}
    assert seen.begun < seen.ended


def a_record(record, frames, **changes):
    return record.Record(frames, begun=10.0, ended=12.0, cpu=1.0, **changes)


def test_a_cell_holds_what_happened_while_it_was_counted(cameras, record, results):
    before, while_counted = (0, 1, 9.9), [(0, 2, 10.5), (0, 3, 11.0), (1, 2, 11.5), (0, 4, 11.9)]
    sent = cameras.Sent([before, *while_counted, (0, 5, 12.1)], 0.25)
    seen = [(0, 1, 10.1), (0, 2, 10.6), (1, 2, 11.75), (0, 4, 12.2), (0, 5, 12.3)]
    cell = results.Cell.of(sent, a_record(record, seen, dropped={"late": 1}))
    assert (cell.sent, cell.lost, cell.answered) == (4, 1, 3)
    assert (cell.offered, cell.rate, cell.cores, cell.cameras_busy) == (2, 1.5, 0.5, 0.25)
    assert (cell.p50, cell.p99) == pytest.approx((200, 250))
    assert cell.reasons == {"late": 1}


def test_a_frame_is_the_newest_with_its_number(cameras, record, results):
    sent = cameras.Sent([(0, 1, 9.0), (0, 1, 11.0), (0, 1, 11.9)], 0)
    cell = results.Cell.of(sent, a_record(record, [(0, 1, 11.5)]))
    assert cell.p50 == pytest.approx(500)


@pytest.mark.parametrize(
    ("seen", "words"),
    [([(0, 7, 11.0)], "has sent no frame 7"), ([(0, 1, 12.5)], "no frame was answered")],
)
def test_what_cannot_be_stops_the_run(cameras, record, results, seen, words):
    with pytest.raises(RuntimeError, match=words):
        results.Cell.of(cameras.Sent([(0, 1, 10.5)], 0), a_record(record, seen))


@pytest.fixture
def a_cell(results):
    def make(*, rate=60.0, lost=0, p99=20.0, **reasons):
        return results.Cell(
            offered=60.0,
            rate=rate,
            p50=10.0,
            p99=p99,
            lost=lost,
            sent=300,
            answered=300 - lost,
            reasons=reasons,
            cores=0.5,
            cameras_busy=0.02,
        )

    return make


@pytest.fixture
def found(results, a_cell):
    """Two rounds, in the second of which Trunkline lost frames; and more than can be answered."""

    def make(lost):
        paced, too_much = results.Load(10, 4, 15), results.Load(10, 8, 60)
        ours = [a_cell(), a_cell(lost=lost, late=lost)]
        cells = {
            paced: {"trunkline": ours, "openvino": [a_cell(rate=20.0, p99=80.0)] * 2},
            too_much: {"trunkline": [a_cell(rate=40.0)] * 2},
        }
        return results.Results(cells, {10: [results.Bare(50.0, 40.0)] * 2}, 60)

    return make


def rows(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in str(table).splitlines()]


def test_verdicts(found):
    verdicts = {row[0]: row[3:] for row in rows(found(lost=0).findings())[2:4]}
    assert verdicts == {
        "4 cameras at 15/s, 10 models: dropped": [
            "0.0000 frames (0.0000 to 0.0000)",
            "at most 0 frames",
            "Reached.",
        ],
        "4 cameras at 15/s, 10 models: frames per second": [
            "1.200 (1.200 to 1.200)",
            "at least 0.9",
            "Reached.",
        ],
    }
    judged = [row[3:] for row in rows(found(lost=30).findings())[2:]]
    assert judged[0][2] == "**Missed.**"
    assert judged[2] == ["0.8000 (0.8000 to 0.8000)", "at least 0.9", "**Missed.**"]
    assert judged[3] == ["1.000 (1.000 to 1.000)", "", ""]
    assert judged[4:] == [
        ["3.000 (3.000 to 3.000)", "more than 1", "Reached."],
        ["4.000 (4.000 to 4.000)", "more than 1", "Reached."],
    ]


def test_tables_tell_what_was_not_measured(results, a_cell, found):
    of = found(lost=30)
    more = results.Load(10, 8, 15)
    of.cells[more] = {"trunkline": [a_cell()] * 2}
    title, table = of.tables()
    assert title == "### 10 models"
    told = {(row[0], row[1]): row[2:] for row in rows(table)[2:]}
    assert set(told) == {
        ("4 x 15/s", "Trunkline"),
        ("4 x 15/s", "OpenVINO, one model after another"),
        ("8 x 15/s", "Trunkline"),
        ("8 x 15/s", "OpenVINO, one model after another"),
        ("8 x 60/s", "Trunkline"),
    }
    assert told["4 x 15/s", "Trunkline"][3:5] == ["5.00 (0.000 to 10.0)", "late 30"]
    assert told["8 x 15/s", "OpenVINO, one model after another"][0] == "not measured"
    assert (of.cameras_busy(), of.least_frames()) == (0.02, 270)


def test_who_is_measured_under_what(tmp_path):
    streams = importlib.import_module("streams")
    load = importlib.import_module("streams_results").Load
    loads = (load(10, 1, 15), load(10, 4, 15), load(10, 4, streams.MOST), load(100, 1, 15))
    plan = streams.Plan((), tmp_path, tmp_path, loads, 1.0)
    assert plan.loads_of("trunkline", 10) == list(loads[:3])
    assert plan.loads_of("openvino", 10) == list(loads[:2])
    assert plan.loads_of("recipe", 10) == [loads[0]]
    assert plan.loads_of("recipe", 100) == []


def test_a_side_that_fails_says_why(tmp_path):
    streams = importlib.import_module("streams")
    with pytest.raises(RuntimeError, match=r"trunkline failed:(.|\n)*nowhere"):
        streams.Running("trunkline", [tmp_path / "nowhere"], tmp_path / "none.jpg")


@pytest.mark.slow
def test_a_quick_run_measures_all_sides_and_writes_nothing(shared, run_program):
    page = PAGE.read_bytes()
    run = run_program("streams.py", "--quick", "--models-dir", shared / "models")
    assert run.returncode == 0, run.stderr
    titles = {side.title for side in importlib.import_module("streams_sides").SIDES.values()}
    table = rows(run.stdout.partition("### 1 model")[2])
    assert {row[1] for row in table if len(row) == 8 and "/s" in row[0]} == titles
    assert "not measured" not in run.stdout
    assert PAGE.read_bytes() == page
