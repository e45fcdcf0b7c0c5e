# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.streams import sources, video
from trunkline.streams.addresses import Address
from trunkline.streams.sources import EndOfStream, Source, SourceSettings, open_source
from videos import jpeg, take_all, write_video

if TYPE_CHECKING:
    from pathlib import Path


def test_without_pyav_a_folder_can_be_read_and_a_video_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "a.jpg").write_bytes(jpeg(5))
    with open_source(str(tmp_path)) as source:
        assert len(take_all(source)) == 1
    with pytest.raises(MissingExtraError, match=r"trunkline\[watch\]"):
        open_source("0")


@pytest.mark.parametrize("wrong", [{"every": 0}, {"fps": -1.0}])
def test_rates_out_of_range(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(TrunklineError, match="must be"):
        open_source(str(tmp_path), **wrong)


def test_closing_before_the_start_and_twice(tmp_path: Path) -> None:
    source = open_source(str(tmp_path), name="folder")
    assert source.next(0) is None
    source.close()
    source.close()
    with pytest.raises(EndOfStream):
        source.next(0)


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", range(0, 200, 10))
    with open_source(str(tmp_path / "a.mp4"), name="film") as source:
        assert any(thread.name == "source film" for thread in threading.enumerate())
    assert not any(thread.name == "source film" for thread in threading.enumerate())
    assert source.status.state == "ended"


def test_an_unforeseen_error_ends_it_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise RuntimeError("rtsp://admin:s3cret@camera")

    monkeypatch.setattr(sources, "read_pictures", read)
    with open_source(str(tmp_path)) as source:
        assert take_all(source) == []
    status = source.status
    assert status.state == "failed"
    assert status.problem == "Reading it failed with an unexpected RuntimeError."


def _unconvertible(*_: object) -> None:
    raise ValueError


def test_a_live_frame_that_cannot_be_converted_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_pixels", _unconvertible)
    address = Address("webcam", "testsrc=size=64x48:rate=100", "lavfi")
    with Source(address, "test", 1, None, SourceSettings()) as source:
        while not source.status.broken:
            assert source.next(20) is None
        assert "could not be converted (ValueError)" in source.status.problem
    assert source.status.received == source.status.dropped > 0


def test_a_files_frame_that_cannot_be_converted_is_counted_and_the_next_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert, count = video._pixels, iter(range(100))
    monkeypatch.setattr(
        video, "_pixels", lambda *given: (next(count) == 3 and _unconvertible()) or convert(*given)
    )
    write_video(tmp_path / "a.mp4", range(0, 200, 10))
    with open_source(str(tmp_path / "a.mp4")) as source:
        numbers = [frame.number for frame in take_all(source)]
    assert numbers == [0, 1, 2, *range(4, 20)]
    status = source.status
    assert (status.state, status.received, status.dropped, status.broken) == ("ended", 20, 1, 1)
