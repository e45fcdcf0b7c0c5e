# SPDX-License-Identifier: Apache-2.0
"""The page as an application: what it answers, to whom, and what it refuses."""

from __future__ import annotations

import asyncio
import io
import socket
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from pageserving import needs_key, serving, websocket_status
from pageview import MadeUpView
from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.page import nicegui_app
from trunkline.page.access import COOKIE
from trunkline.page.app import PageApp, make_page
from trunkline.page.gate import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SOCKET = "/live/_nicegui_ws/socket.io/?EIO=4&transport=websocket"


@contextmanager
def _client(view: MadeUpView | None = None, *, keys: bool = False) -> Iterator[httpx.Client]:
    page = make_page(view or MadeUpView(), allowed=needs_key if keys else None)
    with serving(page) as client:
        yield client


def _origin(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def test_the_page_is_there_and_loads_nothing_from_elsewhere() -> None:
    with _client() as client:
        answer = client.get("/live/")
        assert answer.status_code == 200
        assert "<title>Trunkline on workshop</title>" in answer.text
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy
        assert client.get("/live/page.js").headers["content-type"].startswith("text/javascript")
        assert client.get("/live/page.css").headers["x-content-type-options"] == "nosniff"
        assert client.get("/live/favicon.ico").status_code == 200


@pytest.mark.parametrize("path", ["/live/nothing", "/live/assets/page.js", "/live/../app.py"])
def test_what_is_not_there_is_said(path: str) -> None:
    with _client() as client:
        assert client.get(path).status_code == 404


def test_pages_can_follow_one_another_and_not_run_at_once() -> None:
    for _ in range(2):
        with _client() as client:
            assert client.get("/live/").status_code == 200
            with pytest.raises(TrunklineError, match="only one"):
                asyncio.run(make_page(MadeUpView()).startup())


def test_a_page_that_was_not_started_says_so() -> None:
    page = make_page(MadeUpView(), prefix="")

    async def ask() -> int:
        transport = httpx.ASGITransport(page)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.get("/")).status_code

    assert asyncio.run(ask()) == 503
    asyncio.run(page.shutdown())


def test_a_start_that_fails_leaves_room_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    from nicegui import app

    @asynccontextmanager
    async def failing(_: object) -> AsyncIterator[None]:
        raise OSError("no")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(app.router, "lifespan_context", failing)
        with pytest.raises(OSError, match="no"):
            asyncio.run(make_page(MadeUpView()).startup())
    with _client() as client:
        assert client.get("/live/").status_code == 200


def test_without_nicegui_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    # What has been set up once is kept; this is what does it.
    monkeypatch.setattr(nicegui_app, "_configured", nicegui_app._configured.__wrapped__)
    with pytest.raises(MissingExtraError, match=r"trunkline\[page\]"):
        make_page(MadeUpView())


def test_a_cameras_picture_and_what_is_drawn_over_it_belong_together() -> None:
    with _client() as client:
        frame = client.get("/live/cameras/rtsp%3A%2F%2Fgate%2F1.json?after=none").json()
        assert (frame["width"], frame["height"]) == (640, 360)
        assert "person 93 %" in frame["overlay"]
        assert "answers" not in frame
        picture = client.get(f"/live/cameras/rtsp%3A%2F%2Fgate%2F1.jpg?version={frame['version']}")
        assert picture.headers["cache-control"] == "no-store"
        with Image.open(io.BytesIO(picture.content)) as image:
            assert (image.format, image.size) == ("JPEG", (640, 360))
        everything = client.get("/live/cameras/bench.json?all=1").json()
        assert "tools-8" in everything["answers"]


def test_there_is_nothing_to_show_until_the_picture_changes() -> None:
    view = MadeUpView()
    view.version = lambda: 7
    with _client(view) as client:
        assert client.get("/live/cameras/bench.json?after=6").json()["version"] == 7
        assert client.get("/live/cameras/bench.json?after=7").status_code == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nobody.json", 204),
        ("nobody.jpg", 404),
        ("bench.jpg?version=999999999", 200),
        ("bench.jpg?version=x", 200),
        ("bench.png", 404),
        ("bench", 404),
        ("%ff%fe.jpg", 404),
    ],
)
def test_addresses_of_cameras(path: str, status: int) -> None:
    with _client() as client:
        assert client.get(f"/live/cameras/{path}").status_code == status


def test_a_camera_may_have_any_name() -> None:
    view = MadeUpView(cameras=("caf\udce9/50%.jpg?",))
    with _client(view) as client:
        assert client.get("/live/").status_code == 200
        assert client.get("/live/cameras/caf%E9%2F50%25.jpg%3F.jpg").status_code == 200


def test_a_picture_that_is_not_held_is_not_found() -> None:
    with _client() as client:
        assert client.get("/live/dropped/guess.jpg").status_code == 404


def test_with_keys_a_stranger_sees_the_form_and_nothing_else() -> None:
    with _client(keys=True) as client:
        form = client.get("/live/")
        assert form.status_code == 401
        assert '<form method="post" action="sign-in">' in form.text
        assert "<script" not in form.text
        for path in (
            "cameras/bench.json",
            "cameras/bench.jpg",
            "page.js",
            "_nicegui/x",
            "dropped/x",
        ):
            assert client.get(f"/live/{path}").status_code == 401
        assert client.post("/live/").status_code == 401
        assert client.post("/live/sign-out").status_code == 401
        assert client.get("/live/page.css").status_code == 200
        assert websocket_status(client, SOCKET, origin=_origin(client)) == 403


def test_a_key_opens_the_page_until_signing_out() -> None:
    with _client(keys=True) as client:
        wrong = client.post("/live/sign-in", data={"key": "wrong"})
        assert wrong.status_code == 401
        assert "The key is not known &lt;here&gt;." in wrong.text
        answer = client.post("/live/sign-in", data={"key": "look"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "./"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        assert "path=/live/" in cookie.lower()
        assert "look" not in cookie
        assert "secure" not in cookie.lower()
        assert client.get("/live/").status_code == 200
        assert websocket_status(client, SOCKET, origin=_origin(client)) == 101
        assert client.post("/live/sign-out").status_code == 303
        assert client.get("/live/").status_code == 401


def test_behind_a_proxy_with_a_certificate_the_cookie_is_for_it_alone() -> None:
    with _client(keys=True) as client:
        sent = {"x-forwarded-proto": "https"}
        answer = client.post("/live/sign-in", data={"key": "look"}, headers=sent)
        assert "secure" in answer.headers["set-cookie"].lower()


def test_an_endless_key_is_refused() -> None:
    with _client(keys=True) as client:
        assert client.post("/live/sign-in", data={"key": "x" * 10_000}).status_code == 413


def test_pages_of_other_servers_are_refused() -> None:
    with _client() as client:
        foreign = {"origin": "http://evil.example"}
        assert client.get("/live/", headers=foreign).status_code == 403
        assert client.post("/live/sign-out", headers=foreign).status_code == 403
        for headers in (foreign, {}):
            assert websocket_status(client, SOCKET, **headers) == 403
        assert websocket_status(client, SOCKET, origin=_origin(client)) == 101
        assert websocket_status(client, "/live/elsewhere", origin=_origin(client)) == 403


def test_a_file_that_is_too_large_is_refused_with_a_sentence() -> None:
    with _client() as client:
        address = client.base_url.host, client.base_url.port
        with socket.create_connection(address, timeout=60) as raw:
            path = "/live/_nicegui/client/x/upload/1"
            length = f"Content-Length: {2 * MOST_BYTES}"
            lines = f"POST {path} HTTP/1.1", "Host: here", "Connection: close", length
            raw.sendall("\r\n".join((*lines, "", "")).encode())
            answer = raw.makefile("rb").read(4096)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"64 MiB" in answer


def test_a_body_that_does_not_say_its_length_is_refused() -> None:
    with _client() as client:
        answer = client.post("/live/_nicegui/client/x/upload/1", content=iter([b"a", b"b"]))
        assert answer.status_code == 411
        assert "its length" in answer.text


def test_somebody_who_leaves_while_a_file_is_on_its_way_does_no_harm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from nicegui import Client, ui

    with _client() as client:
        client.get("/live/")
        visitor = next(iter(Client.instances.values()))
        upload = next(each for each in visitor.elements.values() if isinstance(each, ui.upload))
        path = f"/live/_nicegui/client/{visitor.id}/upload/{upload.id}"
        kind = "Content-Type: multipart/form-data; boundary=B"
        lines = f"POST {path} HTTP/1.1", "Host: here", "Content-Length: 999", kind, "", "--B\r\n"
        address = client.base_url.host, client.base_url.port
        with socket.create_connection(address, timeout=60) as raw:
            raw.sendall("\r\n".join(lines).encode())
        assert client.get("/live/").status_code == 200
    assert "ClientDisconnect" not in caplog.text


def test_the_page_below_the_root_has_a_cookie_for_everything() -> None:
    assert make_page(MadeUpView(), prefix="")._cookie_path == "/"
    assert isinstance(make_page(MadeUpView(), prefix="/a/b/"), PageApp)
