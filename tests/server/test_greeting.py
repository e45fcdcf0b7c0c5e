# SPDX-License-Identifier: Apache-2.0
"""What a person is told when the server is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.server import greeting as greeting_module
from trunkline.server.binding import address_of, bind
from trunkline.server.greeting import greeting
from trunkline.server.keyfile import make_key, write_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from trunkline.server.context import Server


def test_it_says_where_what_and_how(make_server: Callable[..., Server]) -> None:
    server = make_server()
    with bind("127.0.0.1", 0, server.keys) as listener:
        said = greeting(server, listener, 8001)
        address = f"http://{address_of(listener)}"
    assert f" {address} (gRPC on port 8001) and serves 3 models on 3 trunks." in said
    assert f"{address}/docs" in said
    assert f"{address}/live is a page for people. No key is needed" in said
    assert "\n" not in said


def test_it_says_nothing_of_a_page_that_is_not_installed(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting_module, "page_installed", lambda: False)
    server = make_server()
    with bind("127.0.0.1", 0, server.keys) as listener:
        assert "/live" not in greeting(server, listener)


def test_it_says_that_a_key_is_needed(make_server: Callable[..., Server], tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_keys(path, (make_key("a", "predict")[1],))
    server = make_server(keys_file=path)
    with bind("127.0.0.1", 0, server.keys) as listener:
        said = greeting(server, listener)
    assert f"A key is needed, one of those in {path}." in said
    assert "gRPC" not in said
