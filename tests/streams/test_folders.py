# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from trunkline.streams.sources import EndOfStream, SourceSettings, open_source
from videos import jpeg, levels_of, take, take_all, until

if TYPE_CHECKING:
    from pathlib import Path

_QUICK = SourceSettings(follow=True, scan=0.01)


def _write(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(level))


def test_a_folder_in_order(tmp_path: Path) -> None:
    for number, name in enumerate(["a.jpg", "b/c.JPEG", "d.jpg"]):
        _write(tmp_path / name, 50 * number)
    for hidden in (".e.jpg", ".f/g.jpg", "notes.txt"):
        _write(tmp_path / hidden, 250)
    with open_source(str(tmp_path), name="pictures", fps=2) as source:
        frames = take_all(source)
        assert not source.live
    assert levels_of(frames) == [0, 50, 100]
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert [frame.at - frames[0].at for frame in frames] == [0, 0.5, 1]
    assert frames[0].pixels.shape == (48, 64, 3)
    assert {frame.stream for frame in frames} == {"pictures"}
    assert (source.status.state, source.status.received) == ("ended", 3)


def test_every_other_picture(tmp_path: Path) -> None:
    for number in range(5):
        _write(tmp_path / f"{number}.jpg", 10 * number)
    with open_source(str(tmp_path), every=2) as source:
        assert levels_of(take_all(source)) == [0, 20, 40]
    assert (source.status.received, source.status.skipped) == (5, 2)


def test_a_folder_is_called_the_same_with_a_slash_at_its_end(tmp_path: Path) -> None:
    _write(tmp_path / "a.jpg", 10)
    with open_source(f"{tmp_path}/") as source:
        (frame,) = take_all(source)
    assert source.name == frame.stream == str(tmp_path)


def test_one_picture(tmp_path: Path) -> None:
    _write(tmp_path / "%d.jpg", 99)
    with open_source(str(tmp_path / "%d.jpg")) as source:
        assert levels_of(take_all(source)) == [99]


def test_a_damaged_picture_is_counted(tmp_path: Path) -> None:
    _write(tmp_path / "a.jpg", 1)
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    _write(tmp_path / "c.jpg", 3)
    with open_source(str(tmp_path)) as source:
        assert len(take_all(source)) == 2
    assert (source.status.broken, source.status.state) == (1, "ended")
    assert "b.jpg" in source.status.problem


@pytest.mark.parametrize(("name", "words"), [("a.txt", "holds no picture"), ("a.jpg", "could be")])
def test_a_folder_without_pictures(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    with open_source(str(tmp_path)) as source:
        assert take_all(source) == []
    assert source.status.state == "failed"
    assert words in source.status.problem


def test_a_long_folder_is_left_when_closed(tmp_path: Path) -> None:
    for number in range(20):
        _write(tmp_path / f"{number:02}.jpg", number)
    with open_source(str(tmp_path), settings=SourceSettings(backlog=1)) as source:
        take(source, 1)
    with pytest.raises(EndOfStream):
        source.next(0)
    assert source.status.received < 20
    assert source.status.received == 1 + source.status.dropped


def test_new_pictures_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with open_source(str(folder), settings=_QUICK) as source:
        assert source.next(0) is None
        assert source.status.state == "waiting"
        _write(folder / "b.jpg", 10)
        assert levels_of(take(source, 1)) == [10]
        _write(folder / "a.jpg", 20)
        (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
        assert levels_of(take(source, 1)) == [20]
        (folder / "a.jpg").unlink()
        (folder / "b.jpg").write_bytes(jpeg(30, (80, 60)))  # its size in bytes may stay
        (frame,) = take(source, 1)
        assert levels_of([frame]) == [30]
        assert frame.pixels.shape == (60, 80, 3)
        assert source.next(0) is None
    assert source.status.state == "ended"


def test_a_picture_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    content, grown, looks = jpeg(40, noise=True), tmp_path / "a.jpg", threading.Semaphore(0)

    def look(_: float) -> None:
        # Grows between any two of the first looks.
        written = grown.stat().st_size if grown.exists() else 0
        grown.write_bytes(content[: written + 2000]) if written < len(content) else None
        looks.release()

    settings = SourceSettings(follow=True, sleep=look)
    with open_source(str(tmp_path), settings=settings) as source:
        take(source, 1)
        until(lambda: looks.acquire(blocking=False))
    assert (source.status.broken, source.status.received) == (0, 1)


def test_following_stops_in_the_middle(tmp_path: Path) -> None:
    for number in range(10):
        _write(tmp_path / f"{number}.jpg", number)
    settings = SourceSettings(follow=True, scan=0.01, backlog=1)
    with open_source(str(tmp_path), settings=settings) as source:
        take(source, 1)
    assert source.status.received < 10
