# SPDX-License-Identifier: Apache-2.0
"""Bodies over a real connection: too large, lying, slow, cut off, not JSON."""

from __future__ import annotations

import json
import socket
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse

from server.living import listening, raw
from trunkline.server import app as app_module
from trunkline.server.answering import route
from trunkline.server.bodies import read_body, read_json
from trunkline.server.forms import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from trunkline.server.context import Server

LIMIT = 1000


async def length(request: Request, server: Server) -> Response:
    return JSONResponse({"length": len(await read_body(request, LIMIT))})


async def value(request: Request, server: Server) -> Response:
    return JSONResponse({"value": await read_json(request, LIMIT)})


@pytest.fixture(scope="module")
def serving(make_server: Callable[..., Server]) -> Iterator[str]:
    own = [
        route("/length", length, methods=["POST"], scope="predict", form=PROBLEM, name="t.length"),
        route("/value", value, methods=["POST"], scope=None, form=PROBLEM, name="t.value"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "_APIS", (SimpleNamespace(routes=lambda _: own),))
        with listening(make_server(body_seconds=0.3, header_seconds=0.5)) as address:
            yield address


def head(*lines: str) -> bytes:
    return "\r\n".join(("POST /length HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


def chunked(size: int) -> Iterator[bytes]:
    for _ in range(size // 100):
        yield bytes(100)


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_a_body_within_the_limit_is_read(size: int, serving: str) -> None:
    assert httpx.post(f"{serving}/length", content=bytes(size)).json() == {"length": size}
    whole = size // 100 * 100
    sent = httpx.post(f"{serving}/length", content=chunked(size))
    assert sent.json() == {"length": whole}


def test_a_body_over_the_limit_is_refused_by_what_it_says(serving: str) -> None:
    answer = httpx.post(f"{serving}/length", content=bytes(LIMIT + 1))
    assert answer.status_code == 413
    assert answer.json()["code"] == "BadRequestImageSizeBytes"
    assert "1,000 bytes" in answer.json()["detail"]


def test_a_body_over_the_limit_is_refused_before_it_is_sent(serving: str) -> None:
    begun = time.monotonic()
    answer = raw(serving, head("Content-Length: 99999999", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - begun < 0.3


def test_a_client_that_waits_for_leave_to_send_is_not_given_it(serving: str) -> None:
    answer = raw(
        serving, head("Content-Length: 99999999", "Expect: 100-continue", "Connection: close")
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_over_the_limit_is_refused(serving: str) -> None:
    assert httpx.post(f"{serving}/length", content=chunked(LIMIT + 100)).status_code == 413


def test_a_large_body_does_not_break_the_connection_before_the_answer(serving: str) -> None:
    with httpx.Client() as client:
        for _ in range(3):
            answer = client.post(f"{serving}/length", content=bytes(3_000_000))
            assert answer.status_code == 413
            assert client.post(f"{serving}/length", content=b"a").json() == {"length": 1}


def test_more_than_the_stated_length_is_not_taken_for_the_body(serving: str) -> None:
    answer = raw(serving, head("Content-Length: 3", "Connection: close") + b"abcdefgh")
    assert answer.endswith(b'{"length":3}')


def test_two_lengths_are_refused(serving: str) -> None:
    answer = raw(serving, head("Content-Length: 3", "Content-Length: 4") + b"abcd")
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("length", ["-1", "1e3", "x"])
def test_a_length_that_is_no_number_is_refused(length: str, serving: str) -> None:
    assert raw(serving, head(f"Content-Length: {length}")).startswith(b"HTTP/1.1 400 ")


def test_less_than_the_stated_length_times_out(serving: str) -> None:
    begun = time.monotonic()
    answer = raw(serving, head("Content-Length: 10", "Connection: close") + b"abc")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 0.2 < time.monotonic() - begun < 2
    assert b'"code":"RequestTimeout"' in answer


def test_a_body_that_trickles_times_out(serving: str) -> None:
    parts = [head("Content-Length: 100", "Connection: close"), b"a", b"b"]
    assert raw(serving, *parts, pause=0.12).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_leaves_in_the_middle_harms_nobody(serving: str) -> None:
    target = urlsplit(serving)
    with socket.create_connection((target.hostname, target.port)) as connection:
        connection.sendall(head("Content-Length: 100") + b"abc")
    assert httpx.post(f"{serving}/length", content=b"a").json() == {"length": 1}
    metrics = httpx.post(f"{serving}/length", content=b"a")
    assert metrics.status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"", None), (b" \n", None), (b"[1]", [1]), (b'{"a": "\xc3\xa9"}', {"a": "é"})],
)
def test_json(body: bytes, expected: object, serving: str) -> None:
    sent = httpx.post(
        f"{serving}/value", content=body, headers={"Content-Type": "application/json"}
    )
    assert sent.json() == {"value": expected}


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe\xfd", b"[" * 999])
def test_what_is_not_json_is_refused(body: bytes, serving: str) -> None:
    answer = httpx.post(f"{serving}/value", content=body)
    assert answer.status_code == 400
    assert json.loads(answer.content)["detail"] == "The body is not JSON."
