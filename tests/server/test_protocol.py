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

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def serving(make_server: Callable[..., Server]) -> Iterator[str]:
    with listening(make_server(header_seconds=0.4, keep_alive_seconds=1)) as address:
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
