# SPDX-License-Identifier: Apache-2.0
"""Traces: what a real collector gets, and that nothing of them is there when they are off."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

import builders
from server.collecting import Collected, attributes, collector
from server.living import listening
from trunkline.server.oip_grpc import start_grpc
from trunkline.server.oip_messages import SERVICE, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trunkline.server.context import Server

RED = builders.png_bytes("red")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
COMING = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
STEPS = ["decode picture", "preprocess", "trunk", "heads", "decode answers", "encode answers"]
MODELS = ["colours", "hues", "places"]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        yield found


def ask(server: Server, *requests: tuple[str, dict[str, Any]]) -> list[httpx.Response]:
    """Post requests, and have the spans sent."""
    with listening(server) as address:
        answers = [httpx.post(address + path, **more) for path, more in requests]
    assert server.tracing is not None
    server.tracing.close()
    return answers


def test_a_request_and_its_steps(
    make_server: Callable[..., Server], collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,place=hall")
    headers = {**COMING, "X-Request-Id": "number-7"}
    (answer,) = ask(make_server(tracing=True), ("/predict", {"content": RED, "headers": headers}))
    assert answer.status_code == 200
    (request,) = collected.named("native.predict")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "trunkline.models": MODELS,
        "trunkline.models.count": 3,
        "trunkline.outcome": "answered",
        "trunkline.request_id": "number-7",
        "url.path": "/predict",
    }
    below = sorted(collected.below(request), key=lambda each: each.start_time_unix_nano)
    assert list(dict.fromkeys(each.name for each in below if each.name != "queue")) == STEPS
    for each in below:
        assert each.trace_id == request.trace_id
        assert each.start_time_unix_nano <= each.end_time_unix_nano
    assert len(collected.spans) == 1 + len(below)
    (service,) = {tuple(sorted(each.items())) for each in collected.services}
    assert {"service.name": "mine", "place": "hall"}.items() <= dict(service).items()


def test_what_was_asked_for_and_what_went_wrong(
    make_server: Callable[..., Server], collected: Collected
) -> None:
    ask(
        make_server(tracing=True),
        ("/predict?models=hues", {"content": RED}),
        ("/predict", {"content": b"rubbish"}),
        ("/nowhere", {}),
    )
    good, bad = map(attributes, collected.named("native.predict"))
    assert (good["trunkline.models"], good["trunkline.outcome"]) == (["hues"], "answered")
    assert (bad["http.response.status_code"], bad["trunkline.outcome"]) == (400, "picture")
    (nowhere,) = collected.named("none.none")
    assert attributes(nowhere)["http.response.status_code"] == 404
    assert not any(each.parent_span_id for each in (nowhere, *collected.named("native.predict")))


def test_a_fault_of_the_server_is_an_error(
    make_server: Callable[..., Server], collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(tracing=True)
    monkeypatch.setattr(server.plane, "tell", None)
    (answer,) = ask(server, ("/predict", {"content": RED}))
    assert answer.status_code == 500
    (request,) = collected.named("native.predict")
    assert request.status.code == request.status.STATUS_CODE_ERROR


def test_pictures_of_a_stream_are_below_their_request(
    make_server: Callable[..., Server], collected: Collected
) -> None:
    files = [("pictures", ("a.png", RED)), ("pictures", ("b.png", RED))]
    ask(make_server(tracing=True), ("/predict", {"files": files}))
    (request,) = collected.named("native.predict")
    assert [each.name for each in collected.below(request)].count("decode picture") == 2


def test_sampling_is_as_the_environment_has_it(
    make_server: Callable[..., Server], collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    (answer,) = ask(make_server(tracing=True), ("/predict", {"content": RED}))
    assert answer.status_code == 200
    assert collected.spans == []


def test_calls_of_grpc(make_server: Callable[..., Server], collected: Collected) -> None:
    server = make_server(tracing=True, grpc_port=0)
    asked = message("ModelInferRequest")(
        model_name="colours",
        inputs=[{"name": "image", "datatype": "BYTES", "shape": [1]}],
        raw_input_contents=[len(RED).to_bytes(4, "little") + RED],
    )

    async def call() -> None:
        running = await start_grpc(server)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            infer = channel.unary_unary(
                f"/{SERVICE}/ModelInfer",
                request_serializer=lambda sent: sent.SerializeToString(),
                response_deserializer=message("ModelInferResponse").FromString,
            )
            await infer(asked, metadata=tuple(COMING.items()))
        await running.stop(0)

    asyncio.run(call())
    assert server.tracing is not None
    server.tracing.close()
    (request,) = collected.named("openinference-grpc.ModelInfer")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(request)["trunkline.models"] == ["colours"]
    assert {each.name for each in collected.below(request)} >= {"decode picture", "trunk"}


def test_without_it_nothing_of_it_is_imported() -> None:
    program = (
        "import sys\n"
        "from trunkline.server.app import make_app\n"
        "from trunkline.server.assembly import assemble\n"
        "from trunkline.server.settings import Settings\n"
        "server = assemble(Settings())\n"
        "make_app(server)\n"
        "server.plane.close()\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_it_says_what_is_missing() -> None:
    program = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from trunkline.errors import MissingExtraError\n"
        "from trunkline.server.assembly import assemble\n"
        "from trunkline.server.settings import Settings\n"
        "try:\n"
        "    assemble(Settings(tracing=True))\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True
    )
    assert "pip install 'trunkline[otel]'" in done.stdout
