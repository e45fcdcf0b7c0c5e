# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from trunkline.streams.admission import Costs
from trunkline.streams.frames import Sight
from trunkline.streams.lanes import Lane
from trunkline.streams.reader import Reader
from trunkline.streams.rules import Camera
from watchfakes import FakeSource, frame


def lane(*, live: bool) -> Lane:
    return Lane(Camera(FakeSource([], live=live)), Costs())


def sight(number: int) -> Sight:
    return Sight(frame(number), {}, (), 0.0)


def numbers(reader: Reader) -> list[int]:
    return [found.frame.number for found in iter(lambda: reader.take(0), None)]


def test_of_live_cameras_the_newest_are_kept() -> None:
    reader, camera = Reader(), lane(live=True)
    for i in range(20):
        reader.put(camera, sight(i))
    assert numbers(reader) == list(range(12, 20))
    assert camera.meter.dropped == {"reader": 12}


def test_nothing_of_a_file_is_lost_and_it_is_told_to_wait() -> None:
    reader, file, live = Reader(), lane(live=False), lane(live=True)
    for i in range(10):
        reader.put(file, sight(i))
    assert reader.is_full
    reader.put(live, sight(10))
    reader.put(live, sight(11))
    assert numbers(reader) == [*range(10), 11]
    assert not reader.is_full


def test_a_closed_reader_keeps_nobody() -> None:
    reader = Reader()
    assert reader.take(0) is None
    reader.close()
    assert reader.take(60) is None
