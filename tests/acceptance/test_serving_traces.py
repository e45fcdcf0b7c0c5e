# SPDX-License-Identifier: Apache-2.0
"""Traces from the real server process to a real collector, the last of them after SIGTERM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

import builders
from server.collecting import attributes, collector
from server.living import Process

if TYPE_CHECKING:
    from pathlib import Path


def test_a_request_is_traced_from_the_clients_span_to_the_answers(
    shared: Path, tmp_path: Path
) -> None:
    exports = shared / "models" / "fruit-4", builders.boxes_detector(tmp_path / "places")
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with collector() as collected:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collected.endpoint,
            "TRUNKLINE_TRACING": "true",
            "TRUNKLINE_GRPC_PORT": "off",
        }
        with Process(tmp_path, *exports, environment=environment) as process:
            headers = {"traceparent": f"00-{trace}-{parent}-01"}
            address, red = process.ready(), builders.png_bytes("red")
            answer = httpx.post(f"{address}/predict", content=red, headers=headers, timeout=30)
            process.terminate()
            assert process.ended(60) == 0, process.log
    (request,) = collected.named("native.predict")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (trace, parent)
    told = attributes(request)
    assert told["trunkline.request_id"] == answer.headers["Request-Id"]
    assert told["trunkline.models"] == ["fruit-4", "places"]
    steps = {each.name for each in collected.below(request)}
    assert steps >= {"decode picture", "preprocess", "trunk", "heads", "decode answers"}
    assert collected.services[0]["service.name"] == "trunkline"
