# SPDX-License-Identifier: Apache-2.0
"""Addresses: taken, unknown, or within reach of strangers without a key."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

import pytest

from trunkline.errors import TrunklineError
from trunkline.server.binding import address_of, bind
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.keys import KeyRing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def nobody(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "none.json")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_loopback_needs_no_key(host: str, nobody: KeyRing) -> None:
    with bind(host, 0, nobody) as listener:
        assert address_of(listener).startswith("127.0.0.")
        socket.create_connection(listener.getsockname(), timeout=5).close()


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_another_address_needs_a_key(host: str, nobody: KeyRing, tmp_path: Path) -> None:
    with pytest.raises(TrunklineError) as caught:
        bind(host, 0, nobody)
    assert "trunkline keys add" in str(caught.value)
    assert "--host 127.0.0.1" in str(caught.value)
    write_keys(tmp_path / "keys.json", (make_key("a", "predict")[1],))
    with bind(host, 0, KeyRing(tmp_path / "keys.json")) as listener:
        assert address_of(listener).startswith("0.0.0.0:")


def test_answers_are_not_held_back_by_the_system(nobody: KeyRing) -> None:
    """asyncio sets TCP_NODELAY only where a socket says that it is TCP."""

    async def options() -> list[int]:
        set_: list[int] = []

        def taken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken_over = writer.get_extra_info("socket")
            set_.append(taken_over.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with bind("127.0.0.1", 0, nobody) as listener:
            async with await asyncio.start_server(taken, sock=listener):
                reader, writer = await asyncio.open_connection(*listener.getsockname())
                await reader.read()
                writer.close()
        return set_

    assert all(asyncio.run(options()))


def test_a_taken_port_is_named(nobody: KeyRing) -> None:
    with bind("127.0.0.1", 0, nobody) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(TrunklineError) as caught:
            bind("127.0.0.1", port, nobody)
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "taken" in str(caught.value)
    assert "--port" in str(caught.value)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 80, "192.0.2.1"])
def test_an_address_of_others_is_refused(host: str, nobody: KeyRing) -> None:
    with pytest.raises(TrunklineError, match="no such address"):
        bind(host, 0, nobody)


@pytest.mark.parametrize(
    ("number", "said"), [(errno.EACCES, "below 1024"), (errno.EMFILE, "Too many")]
)
def test_what_the_system_refuses_is_said(
    number: int, said: str, nobody: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise OSError(number, "Too many of them")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(TrunklineError, match=said):
        bind("127.0.0.1", 80, nobody)


def test_an_ipv6_address_is_written_in_brackets(nobody: KeyRing) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        listener = bind("::1", 0, nobody)
    except TrunklineError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert address_of(listener).startswith("[::1]:")
