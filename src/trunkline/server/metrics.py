# SPDX-License-Identifier: Apache-2.0
"""What is counted, in Prometheus's text form: base units in the names, ``_total`` on counters."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

from trunkline import __version__

if TYPE_CHECKING:
    from trunkline.engine.plan import Plan
    from trunkline.server.dataplane import DataPlane, Served

__all__ = ["Metrics", "Shape", "shape_of"]

# Seconds. Answers take milliseconds where trunks are small, seconds where the machine is busy.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """How models hang together.

    Attributes:
        models: How many there are, each with one head.
        trunks: How many networks, or beginnings of networks, are run for them.
    """

    models: int
    trunks: int

    @property
    def reused(self) -> int:
        """How many models are answered from a trunk that has been run for another."""
        return self.models - self.trunks


class Metrics:
    """The server's own metrics, apart from those of other libraries in the process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._plane: DataPlane | None = None
        self._plans = _Shapes()
        self._add_requests()
        self._add_pictures()
        self._add_gauges()

    def request(self, api: str, route: str, code: int, seconds: float) -> None:
        """Count a request that has been answered."""
        self._requests.labels(api, route, str(code)).inc()
        self._durations.labels(api, route).observe(seconds)

    def served(self, served: Served) -> None:
        """Count a picture that the data plane is done with, on any thread."""
        self._pictures.labels(served.outcome).inc()
        if served.outcome != "busy":
            self._queued.observe(served.waited)
        if served.outcome != "answered":
            return
        self._inference.observe(served.ran)
        if self._plane is not None:
            shape = self._plans.of(self._plane.models.plan, served.models)
            self._answers.inc(shape.models)
            self._reuse.inc(shape.reused)

    def watch(self, plane: DataPlane) -> None:
        """Show the state of a data plane from now on."""
        self._plane = plane

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics and their content type, OpenMetrics where that is asked for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _add_requests(self) -> None:
        self._requests = Counter(
            "trunkline_requests",
            "Requests that have been answered.",
            ["api", "route", "code"],
            registry=self.registry,
        )
        self._durations = Histogram(
            "trunkline_request_duration_seconds",
            "From a request's headers to the end of its answer.",
            ["api", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def _add_pictures(self) -> None:
        self._pictures = Counter(
            "trunkline_pictures",
            "Pictures by what became of them: answered, busy, late, picture, unknown or failed.",
            ["outcome"],
            registry=self.registry,
        )
        self._queued = Histogram(
            "trunkline_queue_duration_seconds",
            "How long pictures waited for a thread.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._inference = Histogram(
            "trunkline_inference_duration_seconds",
            "Decoding a picture and running every model that was asked for.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._answers = Counter(
            "trunkline_predictions", "Models' answers for pictures.", registry=self.registry
        )
        self._reuse = Counter(
            "trunkline_trunk_reuse",
            "Models' answers that came from a trunk which had been run for another model.",
            registry=self.registry,
        )

    def _add_gauges(self) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"trunkline_{name}", text, registry=self.registry)

        depth = gauge("queue_depth", "Pictures that wait for a thread.")
        depth.set_function(lambda: self._plane.depth if self._plane else 0)
        inside = gauge("pictures_inside", "Pictures that wait or are being answered.")
        inside.set_function(lambda: self._plane.inside if self._plane else 0)
        for name, text in (
            ("models_loaded", "Models in the set."),
            ("heads", "Heads, one for each model."),
        ):
            gauge(name, text).set_function(lambda: self._shape().models)
        trunks = gauge("trunks", "Networks, or beginnings of networks, that models share or have.")
        trunks.set_function(lambda: self._shape().trunks)
        about = Gauge("trunkline_info", "The server.", ["version"], registry=self.registry)
        about.labels(__version__).set(1)

    def _shape(self) -> Shape:
        if self._plane is None:
            return Shape(0, 0)
        return self._plans.of(self._plane.models.plan, None)


class _Shapes:
    """The shapes of a plan and of its parts, worked out once each."""

    _MOST = 256

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._known: dict[frozenset[str] | None, Shape] = {}
        self._changing = threading.Lock()

    def of(self, plan: Plan, names: frozenset[str] | None) -> Shape:
        with self._changing:
            if self._plan is not plan or len(self._known) >= self._MOST:
                self._plan, self._known = plan, {}
            if names not in self._known:
                self._known[names] = shape_of(plan if names is None else plan.narrowed(names))
            return self._known[names]


def shape_of(plan: Plan) -> Shape:
    """Return how a plan's models hang together.

    A network counts as one trunk however many parts it is run in: a part counts where it begins
    at a picture.
    """
    roots = sum(1 for part in plan.parts if plan.inputs.keys() & set(part.segment.takes))
    return Shape(len(plan.entries), min(roots, len(plan.entries)))
