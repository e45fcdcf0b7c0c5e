# SPDX-License-Identifier: Apache-2.0
"""Pictures that are held for those who look."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace

import pytest
from PIL import Image

from pageview import MadeUpView, png
from trunkline.errors import PictureError
from trunkline.page.pictures import Dropped, Shelf, small_jpeg


class _Stepped(MadeUpView):
    """A view whose pictures change when they are told to."""

    at = 0

    def version(self) -> int:
        return self.at

    def cameras(self) -> list:
        return [replace(each, version=self.at) for each in super().cameras()]


def test_a_picture_is_asked_for_once_however_many_look() -> None:
    view = _Stepped()
    shelf = Shelf(view)

    async def look() -> list:
        return await asyncio.gather(*(shelf.latest("bench") for _ in range(5)))

    found = asyncio.run(look())
    assert view.asked == 1
    assert {each.version for each in found} == {0}
    view.at = 1
    assert {each.version for each in asyncio.run(look())} == {1}
    assert view.asked == 2


def test_the_last_few_versions_are_held() -> None:
    view = _Stepped()
    shelf = Shelf(view)
    for view.at in range(6):
        asyncio.run(shelf.latest("bench"))
    assert shelf.of_version("bench", 1) is None
    held = shelf.of_version("bench", 2)
    assert held is not None
    assert held.version == 2
    assert shelf.of_version("nobody", 2) is None


def test_a_camera_that_goes_takes_its_pictures_along() -> None:
    view = _Stepped()
    shelf = Shelf(view)
    asyncio.run(shelf.latest("bench"))
    view.names = ("rtsp://gate/1",)
    assert asyncio.run(shelf.latest("bench")) is None
    assert shelf.of_version("bench", 0) is None


def test_a_camera_without_a_picture_has_none() -> None:
    class Blind(MadeUpView):
        async def picture(self, camera: str) -> None:
            return None

    assert asyncio.run(Shelf(Blind()).latest("bench")) is None


def test_dropped_pictures_are_found_by_a_word_and_the_oldest_go() -> None:
    dropped = Dropped()
    words = [dropped.put(str(number).encode()) for number in range(33)]
    assert len(set(words)) == 33
    assert dropped.get(words[0]) is None
    assert dropped.get(words[1]) == b"1"
    dropped.discard(words[1])
    dropped.discard(words[1])
    assert dropped.get(words[1]) is None


def test_a_dropped_picture_is_written_anew_and_not_too_large() -> None:
    jpeg, width, height = small_jpeg(png(3200, 1000))
    assert (width, height) == (1600, 500)
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        assert image.size == (1600, 500)
    with pytest.raises(PictureError):
        small_jpeg(b"<svg onload='alert(1)'/>")
