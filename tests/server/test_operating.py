# SPDX-License-Identifier: Apache-2.0
"""Alive, ready, draining, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from server.living import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.server.context import Server


def test_a_server_that_loads_is_alive_and_not_ready(
    make_server: Callable[..., Server], apis: None
) -> None:
    server = make_server()
    server.state.ready = False
    with listening(server) as address:
        assert httpx.get(f"{address}/livez").status_code == 200
        for path in ("/readyz", "/healthz", "/echo/a/end"):
            answer = httpx.get(address + path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
        assert httpx.get(f"{address}/metrics").status_code == 200


def test_a_server_that_drains_says_so_and_closes_connections(
    make_server: Callable[..., Server], apis: None
) -> None:
    server = make_server()
    with listening(server) as address, httpx.Client(base_url=address) as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        server.state.draining = True
        for path in ("/readyz", "/healthz", "/echo/a/end"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert answer.headers["connection"] == "close"
        assert client.get("/livez").status_code == 200


def test_head_is_answered_as_get_is(serving: str) -> None:
    answer = httpx.head(f"{serving}/livez")
    assert (answer.status_code, answer.content) == (200, b"")


def test_openmetrics_is_given_to_whoever_asks(serving: str) -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = httpx.get(f"{serving}/metrics", headers=headers)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
