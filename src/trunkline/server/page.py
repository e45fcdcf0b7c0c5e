# SPDX-License-Identifier: Apache-2.0
"""The description of the APIs as a page for people: no script, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CONTENT_SECURITY", "page"]

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
details { border-top: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
code, pre { font: .875em/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; background: var(--line); padding: .75rem; border-radius: .25rem; }
table { border-collapse: collapse; width: 100%; } td { padding: .15rem 1rem .15rem 0;
vertical-align: top; } .method { display: inline-block; min-width: 4rem; font-weight: 600; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The page's ``Content-Security-Policy``: its own style, and nothing else."""

_METHODS = ("get", "post", "put", "delete")


def page(document: Mapping[str, Any]) -> str:
    """Return an HTML page that lists the operations.

    Args:
        document: The description, as OpenAPI has it.
    """
    info = document["info"]
    sections = "".join(_section(tag, document) for tag in document["tags"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info['description'])}</p>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{sections}{_schemas(document)}</body></html>"
    )


def _section(tag: Mapping[str, str], document: Mapping[str, Any]) -> str:
    operations = "".join(
        _operation(path, method, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item and tag["name"] in item[method]["tags"]
    )
    return f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>{operations}"


def _operation(path: str, method: str, described: Mapping[str, Any]) -> str:
    details = "".join(_details(described))
    return (
        f'<details><summary><span class="method">{method.upper()}</span> '
        f"<code>{escape(path)}</code> {escape(described['summary'])}</summary>{details}</details>"
    )


def _details(described: Mapping[str, Any]) -> Iterator[str]:
    if text := described.get("description"):
        yield f"<p>{escape(text)}</p>"
    if parameters := described.get("parameters"):
        yield _table(
            (f"{each['name']} ({each['in']})", escape(each["description"])) for each in parameters
        )
    if body := described.get("requestBody"):
        yield f"<p>Body: {_kinds(body['content'])}</p>"
    yield _table(
        (status, f"{escape(each['description'])} {_kinds(each.get('content', {}))}")
        for status, each in described["responses"].items()
    )


def _kinds(content: Mapping[str, Any]) -> str:
    return ", ".join(
        f"<code>{escape(kind)}</code>{_schema(each['schema'])}" for kind, each in content.items()
    )


def _schema(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return f' (<a href="#{escape(name)}">{escape(name)}</a>)' if name else ""


def _table(rows: Iterator[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td><code>{escape(a)}</code></td><td>{b}</td></tr>" for a, b in rows)
    return f"<table>{cells}</table>"


def _schemas(document: Mapping[str, Any]) -> str:
    listed = "".join(
        f'<h3 id="{escape(name)}">{escape(name)}</h3>'
        f"<pre>{escape(json.dumps(schema, indent=2))}</pre>"
        for name, schema in document["components"]["schemas"].items()
    )
    return f"<h2>Schemas</h2>{listed}"
