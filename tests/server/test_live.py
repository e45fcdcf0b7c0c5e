# SPDX-License-Identifier: Apache-2.0
"""The way to the live page, with a page that only says who came."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from server.asking import request
from server.living import listening, raw
from server.websocketing import EndedError, RefusedError, connected
from trunkline.errors import TrunklineError
from trunkline.page.app import make_page
from trunkline.server import live
from watchfakes import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

    from trunkline.server.context import Server

    Make = Callable[..., Server]


class FakePage:
    """Says how much was sent to it; on a WebSocket, says hello and waits until it is closed."""

    made: list[FakePage]
    waited_for: list[str]

    def __init__(self, view: object, *, prefix: str, allowed: Callable[..., None]) -> None:
        self.view, self.prefix, self.allowed = view, prefix, allowed
        self.running = False
        self.made.append(self)

    async def startup(self) -> None:
        self.running = True

    async def shutdown(self) -> None:
        self.running = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.running
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": '"hello"'})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        taken, message = 0, await receive()
        while message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if not message.get("more_body"):
                break
            message = await receive()
        if scope["path"] == "/live/waits":
            self.waited_for.append((await receive())["type"])
            return
        body = json.dumps([scope["path"], scope["root_path"], message["type"], taken]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> list[FakePage]:
    """The pages that have been made."""
    monkeypatch.setattr(live, "_maker", lambda: FakePage)
    FakePage.made, FakePage.waited_for = [], []
    return FakePage.made


@pytest.fixture
def server(make_server: Make) -> Server:
    return make_server(max_models_body_bytes=200_000)


@pytest.fixture
def base(server: Server) -> Iterator[str]:
    with listening(server) as address:
        yield address


def test_the_page_is_made_when_somebody_asks_and_once(
    base: str, server: Server, pages: list[FakePage]
) -> None:
    assert request("GET", base, "/livez").status == 200
    assert pages == []
    for path in ("/live/", "/live/cameras/a.jpg"):
        reply = request("GET", base, path)
        assert (reply.status, reply.json()) == (200, [path, "/live", "http.request", 0])
    (page,) = pages
    assert page.prefix == "/live"
    assert page.allowed == server.keys.check
    assert page.running
    asyncio.run(server.live.close())
    assert not page.running
    asyncio.run(server.live.close())


def test_without_the_slash_it_is_one_further(base: str, pages: list[FakePage]) -> None:
    reply = request("GET", base, "/live")
    assert (reply.status, reply.headers["Location"]) == (307, "./live/")
    assert request("GET", base, "/LIVE").status == 307
    assert request("POST", base, "/live").status == 405
    assert pages == []


def test_the_containers_api_is_where_it_was(base: str) -> None:
    assert request("GET", base, "/").body == b"CustomVision.ai model host harness"
    assert request("POST", base, "/alive/image").status == 404


def test_a_websocket_goes_through(base: str) -> None:
    with connected(base, "/live/_nicegui_ws/socket.io/") as talk:
        assert talk.receive() == "hello"


def test_before_and_after_the_server_is_ready_it_says_so(
    base: str, server: Server, pages: list[FakePage]
) -> None:
    server.state.ready = False
    reply = request("GET", base, "/live/")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert b"still being loaded" in reply.body
    server.state.ready = server.state.draining = True
    assert b"about to stop" in request("GET", base, "/live/").body
    with pytest.raises(RefusedError) as refused, connected(base, "/live/socket"):
        pass
    assert refused.value.status == 503
    assert pages == []


def test_without_nicegui_it_says_what_to_install(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    reply = request("GET", base, "/live/")
    assert reply.status == 404
    assert reply.body.decode().endswith("pip install 'trunkline[page]'")


def test_a_page_that_cannot_be_made_is_tried_again(
    base: str, pages: list[FakePage], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: FakePage) -> None:
        raise TrunklineError("Another live page runs in this process.")

    with monkeypatch.context() as patch:
        patch.setattr(FakePage, "startup", fails)
        reply = request("GET", base, "/live/")
        assert (reply.status, reply.body) == (500, b"Another live page runs in this process.")
    assert request("GET", base, "/live/").status == 200
    assert len(pages) == 2


def test_a_body_that_is_too_large_is_not_read(base: str) -> None:
    head = b"POST /live/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n"
    answer = raw(base, head + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"at most 200000 bytes" in answer
    assert request("POST", base, "/live/", bytes(200_000)).json()[2:] == ["http.request", 200_000]


def test_a_body_in_chunks_is_cut_where_it_becomes_too_large(base: str) -> None:
    head = b"POST /live/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (54_000, bytes(54_000))
    assert b"http.disconnect" in raw(base, head + chunk * 5)


def test_a_body_that_takes_too_long_is_cut(make_server: Make) -> None:
    with listening(make_server(body_seconds=0.2)) as base:
        head = b"POST /live/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"
        assert b"http.disconnect" in raw(base, head)


def test_behind_its_body_a_request_may_wait_for_longer(make_server: Make) -> None:
    with listening(make_server(body_seconds=0.1)) as base:
        head = b"GET /live/waits HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with socket.create_connection((base[7:].split(":")[0], int(base.split(":")[2]))) as client:
            client.sendall(head)
            time.sleep(0.3)  # longer than a body may take
            assert FakePage.waited_for == []
        until(lambda: FakePage.waited_for == ["http.disconnect"])


def test_the_page_is_the_packages_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert live._maker() is make_page


def test_what_a_page_asks_again_and_again_is_counted_and_not_logged(
    base: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "trunkline.server.requests"):
        request("GET", base, "/live/cameras/a.jpg")
        request("GET", base, "/livez")
        until(lambda: len(caplog.records) >= 2)  # a line is written when the answer has gone
    levels = {fields(each)["path"]: each.levelno for each in caplog.records}
    assert levels == {"/live/cameras/a.jpg": logging.DEBUG, "/livez": logging.INFO}
    assert b'api="live",code="200",route="page"' in server.metrics.text()[0]


def fields(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = record.__dict__["fields"]
    return found


def test_a_server_that_starts_imports_no_page() -> None:
    code = (
        "import sys, trunkline.server.serving; "
        "print([m for m in ('nicegui', 'fastapi', 'trunkline.page.app') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_open_page_is_closed_when_the_server_ends(server: Server) -> None:
    with listening(server) as base:
        opened = connected(base, "/live/socket")
        talk = opened.__enter__()
        assert talk.receive() == "hello"
    with pytest.raises(EndedError):
        talk.receive()
    talk.drop()
