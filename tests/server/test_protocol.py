# SPDX-License-Identifier: Apache-2.0
"""Connections that hold on without a request: ended in time, and only those."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from server.living import listening, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trunkline.server.context import Server

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def serving(make_server: Callable[..., Server]) -> Iterator[str]:
    with listening(make_server(header_seconds=0.4, keep_alive_seconds=1)) as address:
        yield address


@pytest.fixture(scope="module")
def unhurried(make_server: Callable[..., Server]) -> Iterator[str]:
    with listening(make_server()) as address:
        yield address


def test_a_connection_without_a_request_is_ended(serving: str) -> None:
    begun = time.monotonic()
    assert raw(serving) == b""
    assert 0.3 < time.monotonic() - begun < 2


def test_headers_that_trickle_are_ended(serving: str) -> None:
    parts = [bytes([byte]) for byte in GET]
    begun = time.monotonic()
    with pytest.raises(OSError, match=r"pipe|reset"):
        raw(serving, *parts, pause=0.05)
    assert time.monotonic() - begun < 1.5


def test_headers_that_take_a_moment_are_answered(serving: str) -> None:
    answer = raw(serving, GET[:5], GET[5:] + b"Connection: close\r\n\r\n", pause=0.1)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_connection_is_kept_between_requests(serving: str) -> None:
    answer = raw(
        serving, GET + b"\r\n", GET + b"\r\n", GET + b"Connection: close\r\n\r\n", pause=0.6
    )
    assert answer.count(b"HTTP/1.1 200 ") == 3


def test_a_second_request_that_never_ends_is_ended(serving: str) -> None:
    begun = time.monotonic()
    answer = raw(serving, GET + b"\r\n", GET, pause=0.1)
    assert answer.count(b"HTTP/1.1 200 ") == 1
    assert time.monotonic() - begun < 2


def test_huge_headers_are_refused(serving: str) -> None:
    answer = raw(serving, GET + b"X: " + b"a" * 70_000)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert httpx.get(f"{serving}/livez").status_code == 200


@pytest.mark.parametrize("rubbish", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 99])
def test_rubbish_is_refused(rubbish: bytes, serving: str) -> None:
    answer = raw(serving, rubbish)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert httpx.get(f"{serving}/livez").status_code == 200


def test_headers_are_limited_however_they_come(unhurried: str) -> None:
    line = b"X-%d: " + b"a" * 100 + b"\r\n"
    many = b"".join(line % number for number in range(400))
    assert raw(unhurried, GET + many + b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(unhurried, GET, *[many[:20_000]] * 2, pause=0.02).startswith(b"HTTP/1.1 400 ")
    assert raw(unhurried, b"GET /" + b"a" * 40_000).startswith(b"HTTP/1.1 400 ")
    some = b"".join(line % number for number in range(200))
    answer = raw(unhurried, GET + some + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: localhost\r\n"])
def test_a_request_names_one_host(hosts: bytes, unhurried: str) -> None:
    assert raw(unhurried, b"GET /livez HTTP/1.1\r\n" + hosts + b"\r\n").startswith(b"HTTP/1.1 400 ")


def test_requests_sent_at_once_are_answered_in_turn(unhurried: str) -> None:
    answer = raw(unhurried, (GET + b"\r\n") * 5 + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 6


def test_rubbish_behind_a_request_takes_nothing_from_it(unhurried: str) -> None:
    answer = raw(unhurried, (GET + b"\r\n") * 2 + b"\x00rubbish\r\n\r\n" + GET + b"\r\n")
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 ") == 2


def chunked(unhurried: str, *body: bytes) -> bytes:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return raw(unhurried, head, *body, pause=0.1)


def test_a_body_that_is_no_body_is_refused(unhurried: str) -> None:
    for rubbish in (b"xyz\r\n", b"3\r\nabcdef\r\n"):
        answer = chunked(unhurried, b"3\r\nabc\r\n", rubbish)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1 ") == 1


def test_a_broken_body_behind_another_request_ends_the_connection(unhurried: str) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(unhurried, GET + b"\r\n" + head + b"xyz\r\n")
    assert answer.count(b"HTTP/1.1 200 ") <= 1
    assert b" 400 " not in answer


def test_headers_behind_a_body_are_limited_and_passed_over(unhurried: str) -> None:
    body = b"3\r\nabc\r\n0\r\n"
    answer = chunked(unhurried, body, b"Connection: close\r\nPrediction-Key: wrong\r\n\r\n")
    assert b'"code":"BadRequestImageFormat"' in answer
    endless = chunked(unhurried, body, b"X: ", b"a" * 20_000, b"a" * 20_000)
    assert endless.startswith(b"HTTP/1.1 400 ")
    assert b"BadRequestImageFormat" not in endless


def test_an_offer_of_another_protocol_is_passed_over(unhurried: str) -> None:
    """As Java's client makes it with its first request."""
    head = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAA\r\n\r\n"
    )
    for parts in ([head + b"abc"], [head, b"abc"]):
        answer = raw(unhurried, *parts, pause=0.1)
        assert b'"code":"BadRequestImageFormat"' in answer
        assert answer.count(b"HTTP/1.1 ") == 1
    both = raw(unhurried, head + b"abc" + GET + b"Connection: close\r\n\r\n")
    assert both.count(b"HTTP/1.1 ") == 2
    assert both.count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize("target", [b"localhost:80", b"/livez", b"http://localhost/livez"])
def test_it_is_no_proxy(target: bytes, unhurried: str) -> None:
    answer = raw(unhurried, b"CONNECT " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_length_and_chunks_are_refused(unhurried: str) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
    answer = raw(unhurried, head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
