# SPDX-License-Identifier: Apache-2.0
"""The page for people: everything that is described, and nothing that could run or be fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from trunkline.server.openapi import document
from trunkline.server.page import CONTENT_SECURITY, page


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def test_every_operation_is_on_it() -> None:
    reader = read(page(document()))
    for path, item in document()["paths"].items():
        assert path in reader.text
        assert all(each["summary"] in reader.text for each in item.values())


def test_it_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    text = page(document())
    reader = read(text)
    kinds = {tag for tag, _ in reader.tags}
    assert not kinds & {"script", "link", "img", "iframe", "form"}
    assert not any("src" in attrs or "style" in attrs for _, attrs in reader.tags)
    links = {str(attrs["href"]) for _, attrs in reader.tags if "href" in attrs}
    targets = {f"#{attrs['id']}" for _, attrs in reader.tags if "id" in attrs}
    assert links <= targets | {"openapi.json"}


def test_its_policy_lets_its_own_style_in() -> None:
    (style,) = re.findall("<style>(.*?)</style>", page(document()), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY


def test_what_is_described_cannot_become_markup() -> None:
    nasty = "<script>alert(1)</script>"
    made = {
        "info": {"title": nasty, "version": nasty, "description": nasty},
        "tags": [{"name": nasty, "description": nasty}],
        "paths": {
            f"/{nasty}": {
                "get": {
                    "tags": [nasty],
                    "summary": nasty,
                    "description": nasty,
                    "parameters": [{"name": nasty, "in": "query", "description": nasty}],
                    "requestBody": {"content": {nasty: {"schema": {"$ref": f"#/{nasty}"}}}},
                    "responses": {"200": {"description": nasty}},
                }
            }
        },
        "components": {"schemas": {nasty: {"type": nasty}}},
    }
    assert "script" not in {tag for tag, _ in read(page(made)).tags}
