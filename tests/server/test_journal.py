# SPDX-License-Identifier: Apache-2.0
"""Every request has an id, a line in the log without secrets, and its place in the metrics."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.living import listening
from trunkline.server.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.server.context import Server


def metric(address: str, name: str, **labels: str) -> float:
    text = httpx.get(f"{address}/metrics").text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    raise AssertionError(f"{name} {labels} is not in {text}")


def test_a_request_gets_an_id(serving: str) -> None:
    answer = httpx.get(f"{serving}/echo/a/end")
    assert uuid.UUID(answer.headers["request-id"])
    assert answer.headers["x-request-id"] == answer.headers["request-id"] == answer.json()["id"]
    assert httpx.get(f"{serving}/nowhere").headers["request-id"]


def test_a_clients_sane_id_is_taken_over(serving: str) -> None:
    headers = {"X-Request-Id": "abc-1.2_3"}
    assert httpx.get(f"{serving}/echo/a/end", headers=headers).json()["id"] == "abc-1.2_3"


@pytest.mark.parametrize("sent", ["a b", "a;b", "x" * 129, "-a", "é", '"'])
def test_a_clients_other_ids_are_not(sent: str, serving: str) -> None:
    headers = {"X-Request-Id": sent.encode()}
    found = httpx.get(f"{serving}/echo/a/end", headers=headers).json()["id"]
    assert uuid.UUID(found)


def request_records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what is logged about requests; a line is written when its answer has gone."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if found := [each for each in caplog.records if each.name == "trunkline.server.requests"]:
            return found
        time.sleep(0.01)
    return []


def test_requests_are_logged_in_one_line_without_secrets(
    serving: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trunkline")
    headers = {"Prediction-Key": "geheim1", "Authorization": "Bearer geheim2"}
    httpx.get(f"{serving}/echo/a/end?key=geheim3", headers=headers)
    (record,) = request_records(caplog)
    assert record.fields.items() >= {
        "client": "127.0.0.1", "method": "GET", "path": "/echo/a/end", "code": 200,
        "api": "own", "route": "echo",
    }.items()  # fmt: skip
    assert not re.search("geheim", str(vars(record)) + caplog.text)


@pytest.mark.parametrize(("sent", "code"), [("websocket.accept", 101), ("websocket.close", 403)])
def test_a_websocket_is_counted_by_how_it_began(
    sent: str, code: int, make_server: Callable[..., Server]
) -> None:
    server = make_server()

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        await send({"type": sent})  # type: ignore[operator]

    async def take(message: object) -> None:
        return

    scope = {"type": "websocket", "path": "/stream", "headers": []}
    asyncio.run(Journal(app, server)(scope, None, take))  # type: ignore[arg-type]
    assert f'trunkline_requests_total{{api="none",code="{code}"' in (
        server.metrics.text()[0].decode()
    )


def test_what_is_no_request_is_passed_on(make_server: Callable[..., Server]) -> None:
    passed = []

    async def app(scope: object, receive: object, send: object) -> None:
        passed.append(scope)

    journal = Journal(app, make_server())  # type: ignore[arg-type]
    asyncio.run(journal({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert passed == [{"type": "lifespan"}]


def test_requests_are_counted_and_timed(make_server: Callable[..., Server], apis: None) -> None:
    labels = {"api": "own", "route": "echo"}
    with listening(make_server()) as address:
        for path in ("/echo/a/end", "/echo/b/end", "/fail/oip/later", "/nowhere"):
            httpx.get(address + path)
        assert metric(address, "trunkline_requests_total", code="200", **labels) == 2
        assert metric(address, "trunkline_request_duration_seconds_count", **labels) == 2
        assert metric(address, "trunkline_requests_total", api="openinference", code="503") == 1
        assert metric(address, "trunkline_requests_total", api="none", code="404") == 1
