# SPDX-License-Identifier: Apache-2.0
"""Bodies on their way: cut anywhere, too large, too slow, out of form."""

from __future__ import annotations

import asyncio
import itertools
import selectors
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from trunkline.server.arriving import arriving, parts_arriving
from trunkline.server.bodies import SlowBodyError
from trunkline.server.faults import BadRequestError, ServiceError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Sequence

BODY = (
    b'--a\r\nContent-Disposition: form-data; name="x"; filename="one"\r\n\r\nfirst\r\n'
    b"--a\r\n\r\n\r\n--a\r\nX: y\r\n\r\n--third\r\n\r\n--a--\r\n"
)
EXPECTED = [("one", b"first"), (None, b""), (None, b"--third\r\n")]


def request(
    chunks: Sequence[bytes], content_type: str = "multipart/mixed; boundary=a", **more: Any
) -> Request:
    waiting = list(chunks)

    async def receive() -> dict[str, Any]:
        if pause := more.get("pause"):
            await asyncio.sleep(pause)
        chunk = waiting.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

    headers = [(b"content-type", content_type.encode())]
    if "length" in more:
        headers.append((b"content-length", str(more["length"]).encode()))
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def parts(sent: Request, most: int = 100) -> list[tuple[str | None, bytes]]:
    async def gather() -> list[tuple[str | None, bytes]]:
        return [(p.filename, p.data) async for p in parts_arriving(sent, most, 0.5)]

    with asyncio.Runner(loop_factory=Timeless) as runner:
        return runner.run(gather())


def whole(sent: Request, limit: int | None, seconds: float = 0.5) -> bytes:
    async def gather() -> bytes:
        return b"".join([chunk async for chunk in arriving(sent, limit, seconds)])

    with asyncio.Runner(loop_factory=Timeless) as runner:
        return runner.run(gather())


class Timeless(asyncio.SelectorEventLoop):
    """An event loop that waits for nothing: its clock goes on by as much instead."""

    def __init__(self) -> None:
        self._waiter = Waiter()
        super().__init__(self._waiter)

    def time(self) -> float:
        return self._waiter.waited


class Waiter(selectors.SelectSelector):
    waited = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.waited += timeout or 0
        return super().select(0)


@given(st.lists(st.integers(0, len(BODY)), max_size=6))
def test_parts_are_the_same_wherever_the_body_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(BODY)]
    chunks = [BODY[a:b] for a, b in itertools.pairwise(edges)]
    assert parts(request(chunks)) == EXPECTED


@given(st.binary(max_size=200))
def test_garbage_is_the_client_s_fault(garbage: bytes) -> None:
    with pytest.raises(ServiceError):
        parts(request([b"--a\r\n", garbage, b"\r\n--b--"]))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("multipart/mixed", BODY), ("multipart/mixed; boundary=" + "a" * 400, BODY)],
)
def test_a_boundary_that_will_not_do(content_type: str, body: bytes) -> None:
    with pytest.raises(BadRequestError):
        parts(request([body], content_type))


def test_a_part_that_is_too_large_is_not_gathered() -> None:
    with pytest.raises(TooLargeError, match="6 bytes"):
        parts(request([BODY]), most=6)


def test_a_body_that_is_too_large() -> None:
    assert whole(request([b"abc", b"de"]), 5) == b"abcde"
    assert whole(request([b"abc", b"de"]), None) == b"abcde"
    with pytest.raises(TooLargeError):
        whole(request([b"abc", b"def"]), 5)
    with pytest.raises(TooLargeError):
        whole(request([b"abc"], length=6), 5)
    assert whole(request([b"abc"], length=10**9), None) == b"abc"


def test_a_slow_body_is_given_up() -> None:
    sent = request([b"a"] * 4, pause=0.05)
    assert whole(sent, None, 0.1) == b"aaaa"  # each piece in time
    with pytest.raises(SlowBodyError):
        whole(request([b"a"] * 4, pause=0.05), 100, 0.1)  # but not all of them
    with pytest.raises(SlowBodyError):
        whole(request([b"a"], pause=0.2), None, 0.1)
