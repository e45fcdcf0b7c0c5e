# SPDX-License-Identifier: Apache-2.0
"""Metrics: names and units, and what is counted for each picture."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import trunkline
from engine.families import model
from trunkline.server.dataplane import Served
from trunkline.server.faults import BadRequestError
from trunkline.server.metrics import Metrics, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.server.context import Server

BLANK = np.zeros((20, 20, 3), np.uint8)


def values(metrics: Metrics) -> dict[str, float]:
    text, _ = metrics.text()
    return {
        sample.name + "".join(f" {v}" for k, v in sample.labels.items() if k != "le"): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_names_have_units_and_totals() -> None:
    text = Metrics().text()[0].decode()
    names = {
        "trunkline_requests_total", "trunkline_request_duration_seconds",
        "trunkline_queue_duration_seconds", "trunkline_inference_duration_seconds",
        "trunkline_queue_depth", "trunkline_models_loaded", "trunkline_trunks",
        "trunkline_heads", "trunkline_trunk_reuse_total", "trunkline_pictures_total",
    }  # fmt: skip
    described = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert names <= described
    assert f'version="{trunkline.__version__}"' in text


def test_a_picture_is_counted_with_its_models(make_server: Callable[..., Server]) -> None:
    server = make_server()

    async def ask() -> None:
        await server.plane.predict(BLANK)
        await server.plane.predict(BLANK, ["hues"])
        with pytest.raises(BadRequestError):
            await server.plane.predict(b"no picture")

    asyncio.run(ask())
    found = values(server.metrics)
    assert found["trunkline_pictures_total answered"] == 2
    assert found["trunkline_pictures_total picture"] == 1
    assert found["trunkline_predictions_total"] == 4
    assert found["trunkline_inference_duration_seconds_count"] == 2
    assert found["trunkline_queue_duration_seconds_count"] == 3
    assert found["trunkline_models_loaded"] == found["trunkline_heads"] == 3
    assert found["trunkline_queue_depth"] == found["trunkline_pictures_inside"] == 0


def test_a_refused_picture_was_in_no_queue() -> None:
    metrics = Metrics()
    metrics.served(Served(None, 0.0, 0.0, "busy"))
    found = values(metrics)
    assert found["trunkline_pictures_total busy"] == 1
    assert found["trunkline_queue_duration_seconds_count"] == 0


def test_before_there_is_a_data_plane_nothing_is_loaded() -> None:
    metrics = Metrics()
    metrics.served(Served(None, 0.1, 0.1, "answered"))
    found = values(metrics)
    assert found["trunkline_models_loaded"] == found["trunkline_trunks"] == 0
    assert found["trunkline_predictions_total"] == 0


def test_the_shape_of_models_that_share() -> None:
    models = trunkline.load(
        model("a", [1, 2], seed=1), model("b", [1, 2], seed=2), model("alone", [7, 8], seed=4)
    )
    shape = shape_of(models.plan)
    assert (shape.models, shape.trunks, shape.reused) == (3, 2, 1)
    assert shape_of(models.plan.narrowed(["b"])).reused == 0
    models.remove("alone")
    assert (shape_of(models.plan).trunks, shape_of(models.plan).reused) == (1, 1)
    models.remove("a", "b")
    assert (shape_of(models.plan).trunks, shape_of(models.plan).reused) == (0, 0)


def test_reuse_is_counted_for_each_picture(make_server: Callable[..., Server]) -> None:
    shared = trunkline.load(model("a", [1, 2], seed=1), model("b", [1, 2], seed=2))
    server = make_server(shared)

    async def ask() -> None:
        for names in (None, ["a"], ["a", "b"]):
            await server.plane.predict(BLANK, names)

    asyncio.run(ask())
    found = values(server.metrics)
    assert found["trunkline_trunk_reuse_total"] == 2
    assert found["trunkline_trunks"] == 1
    assert found["trunkline_heads"] == 2


def test_shapes_of_many_selections_are_not_all_kept(make_server: Callable[..., Server]) -> None:
    server = make_server()
    shapes = server.metrics._plans
    shapes._MOST = 2
    plan = server.plane.models.plan
    for name in [*plan.entries, *plan.entries]:
        assert shapes.of(plan, frozenset({name})).models == 1
        assert len(shapes._known) <= 2
