# SPDX-License-Identifier: Apache-2.0
"""What all routes have in common: keys, faults, and a place that is given back."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import StreamingResponse

from server.living import listening
from trunkline.server import app as app_module
from trunkline.server.answering import route
from trunkline.server.forms import PROBLEM
from trunkline.server.keyfile import make_key, write_keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from trunkline.server.context import Server


async def stream(request: Request, server: Server) -> Response:
    async def lines() -> AsyncIterator[bytes]:
        for number in range(20):
            yield f"{number}\n".encode()
            await asyncio.sleep(0.05)

    return StreamingResponse(lines())


async def fail(request: Request, server: Server) -> Response:
    raise ValueError


@pytest.fixture
def server(make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Server:
    own = [
        route("/stream", stream, scope="predict", form=PROBLEM, name="t.stream"),
        route("/fail", fail, scope="predict", form=PROBLEM, name="t.fail"),
    ]
    monkeypatch.setattr(app_module, "_APIS", (SimpleNamespace(routes=lambda _: own),))
    return make_server()


@pytest.fixture
def streaming(server: Server) -> Iterator[str]:
    with listening(server) as address:
        yield address


def gone(server: Server) -> bool:
    end = time.monotonic() + 5
    while server.state.inside and time.monotonic() < end:
        time.sleep(0.01)
    return server.state.inside == 0


def test_a_stream_is_inside_until_its_end(streaming: str, server: Server) -> None:
    with httpx.stream("GET", f"{streaming}/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "0"
        assert server.state.inside == 1
        assert len(list(lines)) == 19
    assert gone(server)


def test_a_client_that_leaves_a_stream_gives_its_place_back(streaming: str, server: Server) -> None:
    with httpx.stream("GET", f"{streaming}/stream") as answer:
        assert next(answer.iter_lines()) == "0"
    assert gone(server)


def test_a_fault_gives_the_place_back(streaming: str, server: Server) -> None:
    assert httpx.get(f"{streaming}/fail").status_code == 500
    assert gone(server)


def test_a_fault_of_ours_tells_nothing_but_its_number(
    serving: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = httpx.get(f"{serving}/fail/azure/fault")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["request-id"] in answer.json()["message"]
    (record,) = [each for each in caplog.records if each.exc_info]
    assert record.fields["request"] == answer.headers["request-id"]


def test_keys_and_scopes(make_server: Callable[..., Server], apis: None, tmp_path: Path) -> None:
    (predict, one), (manage, other) = make_key("p", "predict"), make_key("m", "manage")
    write_keys(tmp_path / "keys.json", (one, other))
    with listening(make_server(keys_file=tmp_path / "keys.json")) as address:
        echo, change = f"{address}/echo/a/end", f"{address}/manage"
        refused = httpx.get(echo)
        assert (refused.status_code, refused.json()["code"]) == (401, "Unauthorized")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert httpx.get(echo, headers={"Prediction-Key": "x"}).status_code == 401
        for headers in (
            {"Prediction-Key": predict},
            {"Training-key": predict},
            {"Authorization": f"Bearer {predict}"},
        ):
            assert httpx.get(echo, headers=headers).status_code == 200
            assert httpx.post(change, headers=headers).status_code == 403
        assert httpx.post(change, headers={"Training-Key": manage}).status_code == 200
        assert httpx.get(echo, headers={"Prediction-Key": manage}).status_code == 200
        assert httpx.get(f"{address}/livez").status_code == 200
        assert httpx.get(f"{address}/fail/oip/name").status_code == 404


def test_more_requests_than_there_are_places_are_refused(
    make_server: Callable[..., Server], apis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.server.context.available_cores", lambda: 1)

    async def ask(address: str) -> list[int]:
        async with httpx.AsyncClient(base_url=address) as client:
            answers = await asyncio.gather(*(client.post("/manage") for _ in range(6)))
            return sorted(answer.status_code for answer in answers)

    server = make_server(waiting=1)
    with listening(server) as address:
        assert asyncio.run(ask(address)) == [200] * 4 + [429] * 2
        assert server.state.inside == 0
        assert httpx.post(f"{address}/manage").status_code == 200
