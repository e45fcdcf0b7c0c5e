# SPDX-License-Identifier: Apache-2.0
"""Many pictures over one connection: in order, with nothing lost, refused or piled up."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import builders
from server.living import listening, raw
from server.websocketing import EndedError, RefusedError, connected
from trunkline.server.faults import BadRequestError, BusyError
from trunkline.server.streaming import answerer, in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from trunkline.server.context import Server

COLOURS = {"red": "red", "lime": "green", "blue": "blue"}
PICTURES = {label: builders.png_bytes(colour) for colour, label in COLOURS.items()}


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Server:
    return make_server(max_body_bytes=20_000, body_seconds=1.0)


@pytest.fixture(scope="module")
def base(server: Server) -> Iterator[str]:
    with listening(server) as made:
        yield made


async def from_list(pictures: list[tuple[str, bytes]]) -> AsyncIterator[tuple[str, bytes]]:
    for each in pictures:
        yield each


def run(pictures: AsyncIterator[tuple[str, bytes]], answer: Any, **more: Any) -> list[Any]:
    told: list[Any] = []

    async def tell(values: Any) -> None:
        told.append(values)

    asyncio.run(in_order(pictures, answer, more.get("tell", tell), unread=more.get("unread", 9)))
    return told


def test_answers_are_told_in_order_though_made_side_by_side() -> None:
    most, now = 0, 0

    async def answer(frame: str, picture: bytes) -> dict[str, Any]:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02 if int(frame) % 2 else 0.001)
        now -= 1
        return {"frame": frame}

    told = run(from_list([(str(n), b"") for n in range(20)]), answer)
    assert [each["frame"] for each in told] == [str(n) for n in range(20)]
    assert 1 < most <= 4


def test_a_slow_reader_makes_the_sender_wait() -> None:
    taken = 0

    async def endless() -> AsyncIterator[tuple[str, bytes]]:
        nonlocal taken
        while True:
            taken += 1
            yield str(taken), b""

    async def answer(frame: str, picture: bytes) -> dict[str, Any]:
        return {"frame": frame}

    async def slow(values: Any) -> None:
        await asyncio.sleep(0.05)
        if values["frame"] == "3":
            raise OSError

    with pytest.raises(ExceptionGroup):
        run(endless(), answer, tell=slow, unread=2)
    assert taken < 15


def test_a_fault_in_the_pictures_is_told_last() -> None:
    async def broken() -> AsyncIterator[tuple[str, bytes]]:
        yield "0", b"x"
        raise BadRequestError("It ends early.")

    async def answer(frame: str, picture: bytes) -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"frame": frame}

    first, last = run(broken(), answer)
    assert first == {"frame": "0"}
    assert (last["frame"], last["status"], last["error"]) == ("1", 400, "It ends early.")


def test_a_full_queue_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = 0
    predict = server.plane.predict

    async def busy(*asked: Any) -> Any:
        nonlocal refusals
        if refusals < 3:
            refusals += 1
            raise BusyError("Too many requests are waiting.")
        return await predict(*asked)

    monkeypatch.setattr(server.plane, "predict", busy)
    values = asyncio.run(answerer(server, ("colours",), "id")("a", PICTURES["red"]))
    assert (refusals, values["predictions"]["colours"]["label"]) == (3, "red")


def test_a_queue_that_stays_full_is_said(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(deadline=0.05)

    async def busy(*asked: Any) -> Any:
        raise BusyError("Too many requests are waiting.")

    monkeypatch.setattr(server.plane, "predict", busy)
    values = asyncio.run(answerer(server, None, "id")("a", PICTURES["red"]))
    assert (values["status"], values["code"]) == (429, "TooManyRequests")


def test_a_websocket_answers_in_order(base: str) -> None:
    with connected(base, "/stream?models=colours,hues") as socket:
        for _ in range(3):
            for picture in PICTURES.values():
                socket.send(picture)
        answers = [socket.receive() for _ in range(9)]
        socket.send("no picture")
        wrong = socket.receive()
        socket.send(PICTURES["blue"])
        after = socket.receive()
    assert [each["frame"] for each in answers] == [str(n) for n in range(9)]
    assert [each["predictions"]["colours"]["label"] for each in answers] == list(PICTURES) * 3
    assert set(answers[0]["predictions"]) == {"colours", "hues"}
    assert (wrong["frame"], wrong["status"]) == ("9", 400)
    assert after["predictions"]["colours"]["label"] == "blue"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/stream?models=nobody", {}, 404),
        ("/stream", {"Origin": "https://elsewhere.example"}, 403),
    ],
)
def test_a_websocket_is_refused_in_words(
    base: str, path: str, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(RefusedError) as refused, connected(base, path, **headers):
        pass
    assert refused.value.status == status
    assert json.loads(refused.value.body)["status"] == status


def test_a_message_that_is_too_large_ends_it(base: str) -> None:
    with connected(base, "/stream") as socket:
        socket.send(bytes(25_000))
        with pytest.raises(EndedError) as ended:
            socket.receive()
    assert ended.value.code == 1009


def test_a_websocket_that_hangs_up_holds_nothing(base: str, server: Server) -> None:
    for _ in range(3):
        with connected(base, "/stream") as socket:
            for _ in range(10):
                socket.send(PICTURES["red"])
            socket.receive()
            socket.drop()
    end = time.monotonic() + 5
    while (server.state.inside or server.plane.inside) and time.monotonic() < end:
        time.sleep(0.02)
    assert (server.state.inside, server.plane.inside) == (0, 0)


def test_streams_are_counted_and_refused_like_requests(
    make_server: Callable[..., Server],
) -> None:
    server = make_server()
    with listening(server) as base:
        server.state.inside = 10_000
        with pytest.raises(RefusedError) as refused, connected(base, "/stream"):
            pass
        server.state.inside = 0
    assert refused.value.status == 429


def test_a_websocket_ends_when_the_server_does(make_server: Callable[..., Server]) -> None:
    server = make_server()
    with listening(server) as base, connected(base, "/stream") as socket:
        socket.send(PICTURES["red"])
        assert socket.receive()["predictions"]
        assert server.state.inside == 1
        server.state.draining = True
        with pytest.raises(EndedError) as ended:
            socket.receive()
        assert ended.value.code == 1001
    assert server.state.inside == 0


def body_of(parts: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield b"--a\r\nContent-Type: image/png\r\n\r\n" + part + b"\r\n"
    yield b"--a--\r\n"


def test_parts_are_answered_while_others_are_on_their_way(server: Server) -> None:
    """The second part is sent only when the first one's answer has been read."""
    import http.client

    with listening(server) as base:
        connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
        connection.putrequest("POST", "/predict?models=colours")
        connection.putheader("Content-Type", "multipart/mixed; boundary=a")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        pieces = list(body_of([PICTURES["red"], PICTURES["blue"]]))

        def send(data: bytes) -> None:
            connection.send(b"%x\r\n%s\r\n" % (len(data), data))

        send(pieces[0] + b"--a\r\n")  # the boundary says that the part has ended
        reply = connection.getresponse()
        assert json.loads(reply.readline())["predictions"]["colours"]["label"] == "red"
        send(pieces[1][5:] + pieces[2])
        connection.send(b"0\r\n\r\n")
        assert json.loads(reply.readline())["predictions"]["colours"]["label"] == "blue"
        assert reply.read() == b""
        connection.close()


def test_more_bytes_than_one_body_may_have_come_in_parts(server: Server) -> None:
    """A client that sends everything before it reads loses nothing."""
    count = 100
    picture = PICTURES["red"] + bytes(5000)  # what lies behind a picture is passed over
    assert count * len(picture) > 2 * server.settings.max_body_bytes
    with listening(server) as base:
        reply = httpx.post(
            f"{base}/predict?models=colours",
            content=body_of([picture] * count),
            headers={"Content-Type": "multipart/mixed; boundary=a"},
            timeout=30,
        )
    frames = [json.loads(line)["frame"] for line in reply.text.splitlines()]
    assert frames == [str(n) for n in range(count)]


@pytest.mark.parametrize(
    ("rest", "status", "word"),
    [
        ([bytes(25_000)], 413, "20,000"),
        (None, 400, "ends before"),
    ],
)
def test_a_bad_part_ends_the_lines_with_a_reason(
    server: Server, rest: list[bytes] | None, status: int, word: str
) -> None:
    body = b"".join(body_of([PICTURES["red"], *(rest or [])]))
    content = body if rest else body.removesuffix(b"--a--\r\n") + b"--a\r\n"

    def in_two() -> Iterator[bytes]:
        yield content[:300]
        time.sleep(0.1)
        yield content[300:]

    with listening(server) as base:
        reply = httpx.post(
            f"{base}/predict?models=colours",
            content=in_two(),
            headers={"Content-Type": "multipart/mixed; boundary=a"},
            timeout=10,
        )
    first, last = (json.loads(line) for line in reply.text.splitlines())
    assert first["predictions"]["colours"]["label"] == "red"
    assert (last["status"], word in last["error"]) == (status, True)


def test_who_pauses_too_long_or_hangs_up_holds_nothing(server: Server) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    )
    part = next(body_of([PICTURES["red"]])) + b"--a\r\n"
    with listening(server) as base:
        said = raw(base, head + part, pause=1.3)
        assert b'"status": 408' in said
        thread = threading.Thread(target=_hang_up, args=(base, head + part))
        thread.start()
        thread.join()
        end = time.monotonic() + 5
        while server.state.inside and time.monotonic() < end:
            time.sleep(0.02)
    assert server.state.inside == 0
    assert server.plane.inside == 0


def _hang_up(base: str, data: bytes) -> None:
    import socket

    host, _, port = base.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(data)
        time.sleep(0.1)
