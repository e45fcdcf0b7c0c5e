# SPDX-License-Identifier: Apache-2.0
"""Videos that are written, and read back with PyAV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from sights import AT, classified, detected, eventually, sight
from trunkline.errors import TrunklineError
from trunkline.streams.sink_video import Video


def _read(path):
    """Return the frames of a video, and the second at which each is shown."""
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], [frame.time for frame in frames]


def _written(path, *sights):
    sink = Video(path, size=len(sights))
    for each in sights:
        sink.put(each)
    sink.close(60)
    assert (sink.problem, sink.dropped) == ("", 0)


def test_frames_are_written_at_the_pace_at_which_they_came(tmp_path):
    path = tmp_path / "out.mp4"
    seconds = [0, 0.1, 0.133, 0.5, 0.4, 3.0]  # a clock that is set back, and a pause
    _written(path, *[sight(n, at=AT + at, size=(120, 160)) for n, at in enumerate(seconds)])
    frames, times = _read(path)
    assert [frame.shape for frame in frames] == [(120, 160, 3)] * 6
    assert times == pytest.approx([0, 0.1, 0.133, 0.5, 0.501, 3.0], abs=1e-6)


def test_bars_and_boxes_are_seen(tmp_path):
    path = tmp_path / "out.mp4"
    _written(
        path,
        sight(0, size=(240, 320), pets=classified(probability=1.0)),
        sight(1, size=(240, 320), things=detected()),
        sight(100, size=(240, 320), pets=classified()),
    )
    (bar, both, late), _ = _read(path)
    assert abs(bar[200, 300].astype(int) - 128).max() < 12  # where nothing is drawn
    assert bar[2, 150].max() < 70  # the bar's ground
    assert np.ptp(both[168, 160].astype(int)) > 60  # the box's left edge, in colour
    assert both[2, 150].max() < 70  # the answer from before is still shown
    assert np.ptp(late[168, 160].astype(int)) < 20  # but not for ever


def test_a_second_stream_gives_each_a_file_of_its_own(tmp_path):
    path = tmp_path / "out.mp4"
    _written(
        path,
        sight(0, stream="front door"),
        sight(0, stream="rtsp://yard/1"),
        sight(0, stream="///"),
        sight(1, stream="front door"),
    )
    assert {file.name: len(_read(file)[0]) for file in tmp_path.iterdir()} == {
        "out-front_door.mp4": 2,
        "out-rtsp_yard_1.mp4": 1,
        "out-stream.mp4": 1,
    }


def test_nothing_is_overwritten_and_a_new_size_is_a_new_file(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"precious")
    _written(path, sight(0), sight(1, size=(65, 49)), sight(2, size=(65, 49)))
    assert path.read_bytes() == b"precious"
    assert len(_read(tmp_path / "out.2.mp4")[0]) == 1
    frames, _ = _read(tmp_path / "out.3.mp4")
    assert [frame.shape for frame in frames] == [(64, 48, 3)] * 2


def test_a_picture_that_is_too_small_is_a_problem_and_the_next_is_written(tmp_path):
    sink = Video(tmp_path / "out.mp4")
    sink.put(sight(0, size=(1, 5)))
    eventually(lambda: sink.dropped)
    assert "pictures of one pixel" in sink.problem
    sink.put(sight(1))
    sink.close(60)
    assert sink.problem == ""
    assert len(_read(tmp_path / "out.mp4")[0]) == 1


def test_a_folder_that_has_gone_is_a_problem(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    sink = Video(folder / "out.mp4")
    folder.rmdir()
    sink.put(sight(0))
    sink.close(60)
    assert sink.problem == f"{folder}/out.mp4 cannot be written: No such file or directory."
    assert sink.dropped == 1


def test_a_disk_that_is_full_is_a_problem_and_not_a_file_per_frame(tmp_path):
    path = tmp_path / "out.mp4"
    program = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
import numpy as np
from sights import sight
from trunkline.streams.sink_video import Video
whole = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, whole[1]))
sink = Video(Path({str(path)!r}), size=1000)
random = np.random.default_rng(1)
for number in range(60):
    seen = sight(number, size=(120, 160))
    seen.frame.pixels[:] = random.integers(0, 255, (120, 160, 3))
    sink.put(seen)
sink.close(60)
resource.setrlimit(resource.RLIMIT_FSIZE, whole)
print(sink.problem, sink.dropped > 10)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{path} cannot be written: File too large. True\n"
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    with av.open(str(path)) as file:  # the last frame is cut off
        assert next(file.decode(video=0)).width == 160


def test_after_a_failure_another_file_is_begun_in_time(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    sink = Video(folder / "out.mp4")
    folder.rmdir()
    sink.put(sight(0))
    eventually(lambda: sink.dropped == 1)
    folder.mkdir()
    sink.put(sight(1))
    eventually(lambda: sink.dropped == 2)
    sink.put(sight(200))
    sink.close(60)
    assert (sink.problem, sink.dropped) == ("", 2)
    assert len(_read(folder / "out.mp4")[0]) == 1


def test_a_video_survives_its_program(tmp_path):
    path = tmp_path / "out.mp4"
    program = f"""
import sys, os, signal
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from sights import sight
from trunkline.streams.sink_video import Video
sink = Video(Path({str(path)!r}), size=1000)
for number in range(200):
    sink.put(sight(number))
sink._queue.close()
while sink._queue._items: pass
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -9
    assert len(_read(path)[0]) >= 60


@pytest.mark.parametrize("name", ["out.avi", "none/out.mp4"])
def test_a_name_that_makes_no_video_is_refused(tmp_path, name):
    with pytest.raises(TrunklineError, match=r"\.mp4\.|no folder"):
        Video(tmp_path / name)
