# SPDX-License-Identifier: Apache-2.0
"""Lines of JSON in files that are rotated, cut short and taken away, and in pipes nobody reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sights import ended, event, eventually, sight
from trunkline.errors import TrunklineError
from trunkline.streams.sink_jsonl import JsonLinesFile, JsonLinesOutput


def _numbers(path):
    return [json.loads(line)["number"] for line in path.read_bytes().splitlines()]


def _has(path, count):
    return lambda: path.exists() and path.read_bytes().count(b"\n") == count


def test_lines_are_added_to_a_file(tmp_path):
    path = tmp_path / "out.jsonl"
    for number in range(2):
        sink = JsonLinesFile(path)
        sink.put(sight(number, event()))
        sink.close(60)
        assert (sink.dropped, sink.problem) == (0, "")
    assert _numbers(path) == [0, 1]
    assert json.loads(path.read_bytes().splitlines()[0])["events"][0]["label"] == "cat"


def test_a_line_that_someone_left_unfinished_spoils_no_other(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"half":')
    sink = JsonLinesFile(path)
    sink.put(sight(1))
    sink.close(60)
    half, whole = path.read_bytes().splitlines()
    assert half == b'{"half":'
    assert json.loads(whole)["number"] == 1


@pytest.mark.parametrize("way", ["rename", "remove", "truncate"])
def test_a_file_can_be_rotated(tmp_path, way):
    path, old = tmp_path / "out.jsonl", tmp_path / "out.jsonl.1"
    sink = JsonLinesFile(path)
    sink.put(sight(0))
    eventually(_has(path, 1))
    if way == "rename":
        path.rename(old)
    elif way == "remove":
        path.unlink()
    else:
        os.truncate(path, 0)
    sink.put(sight(1))
    sink.close(60)
    assert _numbers(path) == [1]
    assert not old.exists() or _numbers(old) == [0]


def test_a_folder_that_goes_and_comes_back(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "out.jsonl"
    sink = JsonLinesFile(path)
    path.unlink()
    folder.rmdir()
    for number in range(2):
        sink.put(sight(number))
        eventually(lambda number=number: sink.dropped == number + 1)
    assert sink.problem == f"{path} cannot be written: No such file or directory."
    folder.mkdir()
    sink.put(sight(2))
    eventually(lambda: not sink.problem)
    sink.close(60)
    assert _numbers(path) == [2]
    assert sink.dropped == 2


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(TrunklineError, match="No such file or directory"):
        JsonLinesFile(tmp_path / "none" / "out.jsonl")
    with pytest.raises(TrunklineError, match="Is a directory"):
        JsonLinesFile(tmp_path)


def test_a_full_disk_is_a_problem_and_no_exception():
    sink = JsonLinesFile(Path("/dev/full"))
    sink.put(sight(0))
    sink.close(60)
    assert sink.dropped == 1
    assert sink.problem == "/dev/full cannot be written: No space left on device."


def _fill(path):
    """Put into a pipe what goes in, and not a byte less."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(descriptor, b"." * size)
    os.close(descriptor)


def test_a_pipe_that_nobody_reads_drops_and_ends(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(TrunklineError, match="No such device"):
        JsonLinesFile(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = JsonLinesFile(path, size=5)
    sink.put(sight(7))
    read = bytearray()
    eventually(lambda: _has_read(reader, read))
    assert json.loads(read)["number"] == 7
    _fill(path)
    sink.put(sight(8))
    eventually(lambda: not sink._queue._items)  # it is in hand, and cannot be written
    for number in range(10):
        sink.put(sight(number))
    assert sink.dropped == 5
    sink.close(0)
    assert ended(sink)
    assert sink.problem == f"{path} took no more lines."
    assert (sink.dropped, sink.delivered) == (11, 1)
    os.close(reader)


def _has_read(descriptor, read):
    with suppress(BlockingIOError):
        read += os.read(descriptor, 4096)
    return read.endswith(b"\n")


def test_of_a_frame_at_which_no_model_looked_there_is_no_line(tmp_path):
    path = tmp_path / "out.jsonl"
    sink = JsonLinesFile(path)
    sink.put(replace(sight(0), answers={}))
    sink.put(replace(sight(1, event()), answers={}))
    sink.put(sight(2))
    sink.close(60)
    assert _numbers(path) == [1, 2]
    assert (sink.dropped, sink.delivered) == (0, 2)


def test_a_file_that_is_refused_is_not_kept_open(tmp_path, monkeypatch):
    def fail(_):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "out.jsonl"
    path.write_bytes(b"half a line")
    monkeypatch.setattr(JsonLinesFile, "_last_byte", fail)
    with pytest.raises(TrunklineError, match="Permission denied"):
        JsonLinesFile(path)
    assert str(path) not in _open_files()


def _open_files():
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was the one that looked
            found.append(str(each.readlink()))
    return found


def test_lines_on_standard_output_as_it_is_captured(capfd):
    sink = JsonLinesOutput()
    sink.put(sight(4))
    sink.close(60)
    assert (sink.problem, sink.dropped) == ("", 0)
    shown = capfd.readouterr().out
    assert json.loads(shown)["number"] == 4


def test_lines_on_a_standard_output_without_a_file(monkeypatch):
    class Notebook:
        text = ""

        def write(self, text):
            self.text += text

    notebook = Notebook()
    monkeypatch.setattr(sys, "stdout", notebook)
    sink = JsonLinesOutput()
    sink.put(sight(5))
    sink.close(60)
    assert json.loads(notebook.text)["number"] == 5


_PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from sights import ended, eventually, sight
from trunkline.streams.sinks import open_sink
sink = open_sink("jsonl")
for number in range(3000):
    sink.put(sight(number))
print("put", file=sys.stderr, flush=True)
if {wait}:
    eventually(lambda: sink.problem)
    print(sink.problem, file=sys.stderr)
else:
    sink.close(0)
    print("closed", sink.dropped > 0, file=sys.stderr)
"""


def _start(*, wait):
    tests = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
    program = _PROGRAM.format(tests=tests, wait=wait)
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_program_ends_although_nobody_reads_its_output():
    process = _start(wait=False)
    assert process.stderr.readline() == b"put\n"
    assert process.stderr.readline() == b"closed True\n"
    assert process.wait(60) == 0
    process.stdout.close()
    process.stderr.close()


def test_a_program_whose_reader_has_gone_says_so():
    process = _start(wait=True)
    process.stdout.close()
    _, said = process.communicate(timeout=60)
    assert said.splitlines()[-1] == b"standard output cannot be written: Broken pipe."
    assert process.returncode == 0
