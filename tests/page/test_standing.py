# SPDX-License-Identifier: Apache-2.0
"""The page by itself: where it listens, and to whom it answers."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading

import httpx
import pytest

from pageview import MadeUpView
from trunkline.errors import TrunklineError
from trunkline.page.gate import LoopbackOnly
from trunkline.page.standing import PageServer


def test_a_page_is_served_until_it_is_closed() -> None:
    server = PageServer(MadeUpView(), port=0)
    server.close()
    server.start()
    try:
        answer = httpx.get(server.url, timeout=60)
        assert answer.status_code == 200
        assert "Trunkline on workshop" in answer.text
    finally:
        server.close()
    server.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url, timeout=60)
    assert not [each for each in threading.enumerate() if each.name == "trunkline page"]


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(TrunklineError, match=f"127.0.0.1:{port}: the port is taken"):
            PageServer(MadeUpView(), port=port).start()


def test_a_second_page_in_the_process_is_refused() -> None:
    first = PageServer(MadeUpView(), port=0)
    first.start()
    try:
        second = PageServer(MadeUpView(), port=0)
        with pytest.raises(TrunklineError, match="only one"):
            second.start()
        second.close()
        assert httpx.get(first.url, timeout=60).status_code == 200
    finally:
        first.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "workshop.example", ""])
def test_other_machines_are_left_to_the_server_with_keys(host: str) -> None:
    with pytest.raises(TrunklineError, match="trunkline serve"):
        PageServer(MadeUpView(), host=host)


def test_addresses_are_written_as_in_a_browser() -> None:
    assert PageServer(MadeUpView()).url == "http://127.0.0.1:8080/"
    assert PageServer(MadeUpView(), host="::1", port=9).url == "http://[::1]:9/"
    assert PageServer(MadeUpView(), host="[::1]", port=9).url == "http://[::1]:9/"


def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(TrunklineError, match=r"Cannot listen on nowhere\.localhost:99999"):
        PageServer(MadeUpView(), host="nowhere.localhost", port=99999).start()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "", "127.0.0.1.evil.example"]
)
def test_names_that_were_made_to_point_here_are_refused(host: str) -> None:
    server = PageServer(MadeUpView(), port=0)
    server.start()
    try:
        answer = httpx.get(server.url, headers={"host": host}, timeout=60)
        assert answer.status_code == 400
        assert "its own machine" in answer.text
        named = httpx.get(server.url, headers={"host": "localhost:1"}, timeout=60)
        assert named.status_code == 200
    finally:
        server.close()


def test_a_port_that_the_system_keeps_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(self: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refusing)
    with pytest.raises(TrunklineError, match="below 1024 are for the system"):
        PageServer(MadeUpView(), port=80).start()


def test_what_else_the_system_says_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(self: socket.socket, address: object) -> None:
        raise OSError(errno.ENOBUFS, "No buffer space available")

    monkeypatch.setattr(socket.socket, "bind", refusing)
    with pytest.raises(TrunklineError, match="No buffer space available"):
        PageServer(MadeUpView()).start()


def test_only_requests_and_websockets_are_for_the_page() -> None:
    asyncio.run(LoopbackOnly(None)({"type": "lifespan"}, None, None))
