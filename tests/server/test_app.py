# SPDX-License-Identifier: Apache-2.0
"""The application: methods, and web pages of other origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from server.living import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.server.context import Server


def test_another_method_is_refused(serving: str) -> None:
    answer = httpx.delete(f"{serving}/echo/a/end")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert httpx.delete(f"{serving}/Manage").headers["allow"] == "POST, PUT"


def test_a_foreign_web_page_may_not_call_without_a_key(serving: str) -> None:
    headers = {"Origin": "https://evil.example"}
    assert httpx.post(f"{serving}/manage", headers=headers).status_code == 403
    answer = httpx.get(f"{serving}/echo/a/end", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_listed_origins_may_call(make_server: Callable[..., Server], apis: None) -> None:
    with listening(make_server(cors_origins=["https://mine.example"])) as address:
        headers = {"Origin": "https://mine.example"}
        answer = httpx.get(f"{address}/echo/a/end", headers=headers)
        assert answer.headers["access-control-allow-origin"] == "https://mine.example"
        other = httpx.get(f"{address}/echo/a/end", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
