# SPDX-License-Identifier: Apache-2.0
"""The description has every route of the server, and the server every route of the description."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Match, Route

from trunkline.server.app import make_app
from trunkline.server.openapi import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trunkline.server.context import Server


def operations() -> list[tuple[str, str]]:
    return [(path, m.upper()) for path, item in document()["paths"].items() for m in item]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (v for k, v in value.items() if k == "$ref")
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.fixture(scope="module")
def routes(make_server: Callable[..., Server]) -> list[Route]:
    return [each for each in make_app(make_server()).routes if isinstance(each, Route)]


def matches(route: Route, path: str, method: str) -> bool:
    filled = re.sub(r"\{\w+\}", "x", path)
    scope = {"type": "http", "path": filled, "method": method, "headers": []}
    return route.matches(scope)[0] is Match.FULL


def test_every_described_operation_is_served(routes: list[Route]) -> None:
    for path, method in operations():
        assert any(matches(route, path, method) for route in routes), (method, path)


def test_every_route_is_described(routes: list[Route]) -> None:
    for route in routes:
        for method in (route.methods or set()) - {"HEAD"}:
            found = [p for p, m in operations() if m == method and matches(route, p, m)]
            assert found, (method, route.path)


def test_identifiers_are_unique_and_references_lead_somewhere() -> None:
    described = [each for item in document()["paths"].values() for each in item.values()]
    identifiers = [each["operationId"] for each in described]
    assert len(set(identifiers)) == len(identifiers)
    schemas = {f"#/components/schemas/{name}" for name in document()["components"]["schemas"]}
    assert set(references(document())) <= schemas
    tags = {each["name"] for each in document()["tags"]}
    assert {tag for each in described for tag in each["tags"]} == tags
    json.dumps(document(), allow_nan=False)


def test_parameters_in_the_path_are_described() -> None:
    for path, item in document()["paths"].items():
        for each in item.values():
            named = {p["name"] for p in each.get("parameters", ()) if p["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path)), path
