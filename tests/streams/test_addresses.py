# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import TrunklineError
from trunkline.streams.addresses import find_address, public_name
from trunkline.streams.settings import SourceSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("0", "0"),
        ("/dev/video2", "/dev/video2"),
        ("videos/a@b.mp4", "videos/a@b.mp4"),
        ("pictures/", "pictures"),
        ("pictures//", "pictures"),
        ("/", "/"),
        ("rtsp://camera:554/stream", "rtsp://camera:554/stream"),
        ("rtsp://admin:s3cret@camera/stream", "rtsp://camera/stream"),
        ("rtsp://admin:pa@ss@camera/stream", "rtsp://camera/stream"),
        ("http://camera/video.cgi?user=admin&pwd=s3cret", "http://camera/video.cgi"),
        ("HTTP://u:p@camera/x#part", "HTTP://camera/x"),
    ],
)
def test_public_name(text: str, name: str) -> None:
    assert public_name(text) == name


@settings(deadline=None, max_examples=200)
@given(st.text("abc:/?#@%é", min_size=1).map(lambda text: f"<{text}>"))
def test_no_password_shows(password: str) -> None:
    name = public_name(f"rtsp://admin:{password}@camera/stream")
    assert name == "rtsp://camera/stream"
    address = find_address(f"rtsp://admin:{password}@camera/stream", SourceSettings())
    assert password not in repr(address)


def test_webcams() -> None:
    for text in ("1", "/dev/video1"):
        address = find_address(text, SourceSettings(options={"video_size": "640x480"}))
        assert (address.kind, address.target, address.format) == ("webcam", "/dev/video1", "v4l2")
        assert address.options == {"video_size": "640x480"}
        assert address.live


def test_addresses() -> None:
    rtsp = find_address("rtsp://camera/a", SourceSettings(transport="udp"))
    assert rtsp.kind == "rtsp"
    assert rtsp.options["rtsp_transport"] == "udp"
    web = find_address("https://camera/a", SourceSettings(options={"analyzeduration": "7"}))
    assert (web.kind, web.options["analyzeduration"]) == ("http", "7")
    assert rtsp.live
    assert web.live


def test_what_is_on_the_disk(tmp_path: Path) -> None:
    video, picture = tmp_path / "a:b.mp4", tmp_path / "a.JPG"
    video.touch()
    picture.touch()
    assert find_address(str(tmp_path), SourceSettings()).kind == "pictures"
    assert find_address(str(picture), SourceSettings()).kind == "pictures"
    found = find_address(str(video), SourceSettings())
    assert (found.kind, found.target, found.live) == ("file", f"file:{video}", False)
    later = find_address(str(tmp_path / "later"), SourceSettings(follow=True))
    assert later.kind == "pictures"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nowhere.mp4", "no such file"),
        ("a\0b", "no such file"),
        ("x" * 5000, "no such file"),
        ("ftp://u:s3cret@host/x", "use one of http://"),
        ("concat:a|b", "no such file"),
    ],
)
def test_what_cannot_be_meant(text: str, words: str) -> None:
    with pytest.raises(TrunklineError, match=words) as caught:
        find_address(text, SourceSettings())
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"transport": "pigeon"}, {"patience": 0}, {"backlog": 0}, {"longest_pause": -1}]
)
def test_settings_out_of_range(wrong: dict) -> None:
    with pytest.raises(TrunklineError, match="must be"):
        SourceSettings(**wrong)
