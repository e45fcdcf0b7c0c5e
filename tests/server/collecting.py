# SPDX-License-Identifier: Apache-2.0
"""A collector of traces: OTLP over HTTP, as real ones take it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Collected:
    """What has come to a collector.

    Attributes:
        endpoint: For ``OTEL_EXPORTER_OTLP_ENDPOINT``.
        services: The services' attributes, one for each message.
        spans: All spans, as OTLP has them.
    """

    endpoint: str
    services: list[dict[str, Any]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)

    def named(self, name: str) -> list[Any]:
        return [each for each in self.spans if each.name == name]

    def below(self, span: Any) -> list[Any]:
        return [each for each in self.spans if each.parent_span_id == span.span_id]


def attributes(carrier: Any) -> dict[str, Any]:
    """Return attributes as plain values."""
    return {each.key: _plain(each.value) for each in carrier.attributes}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(each) for each in value.array_value.values]
    return getattr(value, kind)


@contextmanager
def collector() -> Iterator[Collected]:
    """Collect traces on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_right = self.path == "/v1/traces"
            for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                collected.services.append(attributes(each.resource))
                collected.spans.extend(s for scope in each.scope_spans for s in scope.spans)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if is_right else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collected = Collected(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collected
        finally:
            server.shutdown()
            thread.join()
