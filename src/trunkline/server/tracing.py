# SPDX-License-Identifier: Apache-2.0
"""Traces with OpenTelemetry: a span for each request, and below it one for each step.

The standard variables (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_TRACES_SAMPLER`` and so on) say
where traces go and which are kept. Where ``tracing`` is off, this module is not imported.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from trunkline import __version__
from trunkline.engine.steps import telling
from trunkline.errors import MissingExtraError

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    raise MissingExtraError(
        "tracing", package="opentelemetry-exporter-otlp-proto-http", extra="otel"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.trace import Span
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trunkline.engine.modelset import ModelSet
    from trunkline.server.dataplane import Served

__all__ = ["RequestSpan", "Traced", "Tracing"]

_MOST_NAMES = 32
_PARENTS = TraceContextTextMapPropagator()


class Tracing:
    """Makes spans, and sends them to a collector from a thread of its own.

    Args:
        models: What answers.
    """

    def __init__(self, models: ModelSet) -> None:
        self._models = models
        about = {"service.name": "trunkline", "service.version": __version__}
        # What the environment says of the service goes before what is said here.
        resource = Resource.create(about).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("trunkline", __version__)

    @contextmanager
    def request(
        self, headers: Mapping[str, str], number: str, **attributes: str
    ) -> Iterator[RequestSpan]:
        """Give the span of a request while it lasts; the steps in this context are below it.

        Args:
            headers: The request's by lower-case names; a ``traceparent`` among them is continued.
            number: The request's id.
            **attributes: What is known of it from the start, with ``__`` for dots.
        """
        known = {name.replace("__", "."): value for name, value in attributes.items()}
        span = self._tracer.start_span(
            "request",
            _PARENTS.extract(headers),
            trace.SpanKind.SERVER,
            {"trunkline.request_id": number, **known},
        )
        with trace.use_span(span, end_on_exit=True), telling(partial(self._step, span)):
            yield RequestSpan(span)

    def served(self, served: Served) -> None:
        """Note on the request's span what became of a picture, on any thread."""
        span = trace.get_current_span()
        if not span.is_recording():
            return
        names = list(self._models) if served.models is None else sorted(served.models)
        span.set_attribute("trunkline.models", names[:_MOST_NAMES])
        span.set_attribute("trunkline.models.count", len(names))
        span.set_attribute("trunkline.outcome", served.outcome)
        if served.waited:
            begun = time.time_ns() - int(1e9 * served.ran)
            self._step(span, "queue", begun - int(1e9 * served.waited), begun)

    def close(self) -> None:
        """Send what is left, within the time that the environment's variables allow."""
        self._provider.shutdown()

    def _step(self, above: Span, name: str, begin: int, end: int) -> None:
        context = trace.set_span_in_context(above)
        self._tracer.start_span(name, context, start_time=begin).end(end)


@dataclass(frozen=True, slots=True)
class RequestSpan:
    """The span of a request, on which is noted what becomes of it."""

    _span: Span

    def is_of(self, api: str, route: str) -> None:
        """Name it, as the metrics do."""
        self._span.update_name(f"{api}.{route}")

    def is_answered(self, status: int) -> None:
        """Note a status of HTTP, or one that HTTP would have."""
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(trace.StatusCode.ERROR)


class Traced:
    """Middleware that gives every request a span."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        state, method = scope["state"], scope.get("method", "WEBSOCKET")
        number, path = state["request_id"], scope["path"]
        with self._tracing.request(
            Headers(scope=scope), number, http__request__method=method, url__path=path
        ) as request:

            async def answer(message: Message) -> None:
                if "status" in message:
                    request.is_answered(message["status"])
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                request.is_of(state.get("api", "none"), state.get("route", "none"))
