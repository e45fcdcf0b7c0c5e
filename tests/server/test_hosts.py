# SPDX-License-Identifier: Apache-2.0
"""Names under which a server is asked: its own machine's, those that are set, and all with keys."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from server.living import listening, raw
from server.websocketing import RefusedError, Socket
from trunkline.server.keyfile import make_key, write_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trunkline.server.context import Server

OTHERS = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.1",
    "[2001:db8::1]:80",
    "[",
    "",
    "0.0.0.0",
]


@pytest.fixture(scope="module")
def base(make_server: Callable[..., Server]) -> Iterator[str]:
    with listening(make_server()) as address:
        yield address


def told(base: str, host: str, path: str = "/livez", method: str = "GET") -> tuple[int, bytes]:
    """Ask; return the status and all that was answered."""
    length = "" if method == "GET" else "Content-Length: 0\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}\r\n"
    answer = raw(base, head.encode())
    return int(answer.split()[1]), answer


def asked(base: str, host: str, path: str = "/livez") -> int:
    return told(base, host, path)[0]


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost.:8123", "127.0.0.1", "127.0.0.1:80", "127.1.2.3", "[::1]", "[::1]:80"],
)
def test_this_machines_names_are_taken_with_any_port(base: str, host: str) -> None:
    assert asked(base, host) == 200


@pytest.mark.parametrize("host", OTHERS)
def test_other_names_are_refused(base: str, host: str) -> None:
    assert asked(base, host) == 421


@pytest.mark.parametrize("path", ["/", "/metrics", "/docs", "/models", "/nowhere", "/v2"])
def test_no_path_is_left_out(base: str, path: str) -> None:
    status, answer = told(base, "evil.example", path)
    assert status == 421
    assert b"allowed_hosts" in answer
    assert b"request-id: " in answer.lower()


def test_each_api_says_it_in_its_own_form(base: str) -> None:
    service = "/customvision/v3.0/prediction/p/classify/iterations/colours/image"
    status, answer = told(base, "evil.example", service, "POST")
    assert status == 421
    assert b'{"code":"MisdirectedRequest","message":"\'evil.example\' is not' in answer
    assert b'{"error":"\'evil.example\' is not' in told(base, "evil.example", "/v2")[1]


def test_a_client_of_http_1_0_names_no_host(base: str) -> None:
    assert raw(base, b"GET /livez HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_websocket_is_refused_as_well(base: str) -> None:
    target = urlsplit(base)
    with (
        socket.create_connection((target.hostname, target.port), timeout=10) as connection,
        pytest.raises(RefusedError) as caught,
    ):
        Socket(connection).open("evil.example", "/stream", {})
    assert caught.value.status == 421
    assert b"allowed_hosts" in caught.value.body


def test_names_can_be_allowed(make_server: Callable[..., Server]) -> None:
    server = make_server(allowed_hosts=["Trunkline.example", "10.0.0.1"])
    with listening(server) as address:
        hosts = ["trunkline.example", "TRUNKLINE.example:80", "10.0.0.1", "evil.example"]
        assert [asked(address, host) for host in hosts] == [200, 200, 200, 421]
    with listening(make_server(allowed_hosts=["*"])) as address:
        assert {asked(address, host) for host in OTHERS} == {200}


def test_the_name_to_listen_on_is_the_servers_own(make_server: Callable[..., Server]) -> None:
    with listening(make_server(host="box.example")) as address:
        assert [asked(address, host) for host in ("box.example", "evil.example")] == [200, 421]


def test_with_keys_any_name_will_do(make_server: Callable[..., Server], tmp_path: Path) -> None:
    _, stored = make_key("mine", "predict")
    write_keys(tmp_path / "keys.json", (stored,))
    with listening(make_server(keys_file=tmp_path / "keys.json")) as address:
        assert asked(address, "evil.example") == 200
        assert asked(address, "evil.example", "/models") == 401
