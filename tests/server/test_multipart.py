# SPDX-License-Identifier: Apache-2.0
"""Multipart: every way in which a client wraps a picture."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trunkline.server.multipart as module
from trunkline.server.faults import BadRequestError
from trunkline.server.multipart import Part, parts_of, picture_in

PICTURE = b"\x89PNG\r\n\x1a\n\r\n--b\r\n" + bytes(range(256))
TYPE = "multipart/form-data; boundary=b0undary"


def body(*parts: tuple[str, bytes], boundary: str = "b0undary") -> bytes:
    """Return a body of parts, each its headers and its data."""
    made = b""
    for headers, data in parts:
        made += f"--{boundary}\r\n{headers}\r\n\r\n".encode() + data + b"\r\n"
    return made + f"--{boundary}--\r\n".encode()


def disposition(more: str) -> str:
    return f"Content-Disposition: form-data; {more}"


@pytest.mark.parametrize(
    "headers",
    [
        disposition('name="imageData"'),  # the Python client, and the JavaScript one
        disposition('name="imageData"; filename="a.jpg"') + "\r\nContent-Type: image/jpeg",
        disposition('name="0"; filename="0"'),
        disposition("name=file; filename=a.png"),
        disposition('name="b"; filename="' + "ä" * 10 + '"'),
        "content-disposition: form-data; name=x",
        disposition('filename="a.jpg"'),
        "Content-Type: image/png",
    ],
)
def test_any_part_will_do(headers: str) -> None:
    assert picture_in(TYPE, body((headers, PICTURE))) == PICTURE


@pytest.mark.parametrize(
    "content_type",
    [
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # curl --data-binary
        "image/jpeg",
        "",
        None,
    ],
)
def test_a_body_that_is_no_form_is_the_picture(content_type: str | None) -> None:
    assert picture_in(content_type, PICTURE) == PICTURE


@pytest.mark.parametrize(
    "content_type",
    [
        'Multipart/Form-Data; Boundary="b0undary"',
        'multipart/form-data; charset=utf-8; boundary="b0undary"',
        "multipart/mixed; boundary=b0undary",
        "  multipart/form-data;boundary=b0undary",
    ],
)
def test_the_type_may_be_written_otherwise(content_type: str) -> None:
    sent = body((disposition('name="imageData"'), PICTURE))
    assert picture_in(content_type, sent) == PICTURE


def test_which_of_several_parts() -> None:
    text = disposition('name="comment"'), b"hello"
    file = disposition('name="whatever"; filename="a.jpg"'), b"file"
    named = disposition('name="IMAGEDATA"'), b"named"
    assert picture_in(TYPE, body(text, file, named)) == b"named"
    assert picture_in(TYPE, body(text, file)) == b"file"
    assert picture_in(TYPE, body(text)) == b"hello"


def test_parts_are_told() -> None:
    sent = body((disposition('name="0"; filename="a b.jpg"'), b"x"), ("X-Other: y", b""))
    assert parts_of(TYPE, sent) == [Part("0", "a b.jpg", b"x"), Part("", None, b"")]


def test_a_large_part_without_a_filename() -> None:
    large = bytes(3_000_000)
    assert picture_in(TYPE, body((disposition('name="imageData"'), large))) == large


def test_a_million_parts_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    part = disposition('name="a"'), b"x"
    assert len(parts_of(TYPE, body(*[part] * 64))) == 64
    sent = b"--b0undary\r\nA:\r\n\r\n\r\n" * 1_000_000
    begun = time.monotonic()
    with pytest.raises(BadRequestError, match="more than 64 parts"):
        picture_in(TYPE, sent)
    assert time.monotonic() - begun < 1
    monkeypatch.setattr(module, "_MOST_PARTS", 10_000_000)  # the guard out, and a tenth of it
    with pytest.raises(BadRequestError, match="ends before"):
        picture_in(TYPE, sent[: len(sent) // 10])


@pytest.mark.parametrize(
    ("content_type", "sent", "why"),
    [
        ("multipart/form-data", body(("A: b", PICTURE)), "names no boundary"),
        (TYPE, b"", "ends before"),
        (TYPE, PICTURE, "cannot be read"),
        (TYPE, body(("A: b", PICTURE))[:-20], "ends before"),
        (TYPE, body(("A: b", PICTURE), boundary="another"), "cannot be read"),
        (TYPE, body(("A b", PICTURE)), "cannot be read"),
        (f"multipart/form-data; boundary={'b' * 999}", b"", "cannot be read"),
        (TYPE, body((disposition('name="imageData"'), b"")), "no picture"),
        (TYPE, b"--b0undary--\r\n", "no picture"),
        ("application/octet-stream", b"", "no picture"),
        (None, b"", "no picture"),
    ],
)
def test_what_holds_no_picture(content_type: str | None, sent: bytes, why: str) -> None:
    with pytest.raises(BadRequestError, match=why) as caught:
        picture_in(content_type, sent)
    assert caught.value.code == "BadRequestImageStream"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.text("ab-", min_size=1))
def test_data_comes_out_as_it_went_in(data: list[bytes], boundary: str) -> None:
    # A boundary is chosen so that it is in none of the parts.
    unlike = boundary + "z" * 70
    unlike = unlike[:70]
    parts = [(disposition(f'name="{number}"'), each) for number, each in enumerate(data)]
    found = parts_of(f"multipart/form-data; boundary={unlike}", body(*parts, boundary=unlike))
    assert [each.data for each in found] == data
    assert [each.name for each in found] == [str(number) for number in range(len(data))]


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(max_codepoint=255), max_size=40), st.binary(max_size=200))
def test_rubbish_is_a_bad_request(parameters: str, rubbish: bytes) -> None:
    for content_type in (f"multipart/{parameters}", TYPE):
        for sent in (rubbish, b"--b0undary\r\n" + rubbish):
            with suppress(BadRequestError):
                assert picture_in(content_type, sent)


def test_rubbish_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(BadRequestError):
        picture_in(TYPE, PICTURE)
    assert not caplog.records
