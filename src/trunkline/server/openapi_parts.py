# SPDX-License-Identifier: Apache-2.0
"""The pieces that descriptions of routes are put together from, as OpenAPI 3.1 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BINARY",
    "BOOLEAN",
    "INTEGER",
    "NUMBER",
    "PICTURE_BODY",
    "STRING",
    "answer",
    "array",
    "errors",
    "header",
    "json_body",
    "json_of",
    "operation",
    "path",
    "query",
    "record",
    "ref",
]

Values = dict[str, Any]

STRING: Values = {"type": "string"}
NUMBER: Values = {"type": "number"}
INTEGER: Values = {"type": "integer"}
BOOLEAN: Values = {"type": "boolean"}
BINARY: Values = {"type": "string", "format": "binary"}

_MEANINGS = {
    400: "What was sent cannot be understood, or is no picture.",
    401: "A key is needed, and none or a wrong one was sent.",
    403: "The key is for other things, or a web page of a foreign origin asks.",
    404: "There is no such model.",
    408: "The body took too long to arrive.",
    409: "A model of this name is loaded already.",
    413: "The body is too large.",
    429: "Too many requests are waiting. Retry-After says when to try again.",
    500: "A fault in the server, which its log says more about.",
    503: "The server is loading models, or is about to stop.",
}
_KEYS: list[Values] = [{"PredictionKey": []}, {"TrainingKey": []}, {"Bearer": []}, {}]
_ALWAYS = (401, 403, 429, 500, 503)


def ref(name: str) -> Values:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Values) -> Values:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def record(*optional: str, **members: Values) -> Values:
    """Return the schema of an object.

    Args:
        *optional: Members that may be absent.
        **members: Every member's schema, by name.
    """
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": members, "required": required}


def json_of(schema: Values) -> Values:
    """Return the content of a body of JSON."""
    return {"application/json": {"schema": schema}}


def json_body(schema: Values, *, required: bool = True) -> Values:
    """Return a request's body of JSON."""
    return {"content": json_of(schema), "required": required}


def answer(description: str, content: Values | None = None) -> Values:
    """Return a response."""
    return {"description": description} | ({"content": content} if content else {})


def errors(schema: Values, media_type: str, *statuses: int) -> Values:
    """Return the responses for what may go wrong, by status.

    Args:
        schema: The form in which the API says it.
        media_type: Its content type.
        *statuses: What may go wrong here, beside what may go wrong everywhere.
    """
    content = {media_type: {"schema": schema}}
    return {
        str(status): answer(_MEANINGS[status], content) for status in sorted({*statuses, *_ALWAYS})
    }


def path(name: str, description: str, schema: Values = STRING) -> Values:
    """Return a parameter in the path."""
    return _parameter("path", name, description, schema, required=True)


def query(name: str, description: str, schema: Values = STRING) -> Values:
    """Return a parameter in the query, which may be left out."""
    return _parameter("query", name, description, schema, required=False)


def header(name: str, description: str, schema: Values = STRING) -> Values:
    """Return a header, which may be left out."""
    return _parameter("header", name, description, schema, required=False)


def _parameter(
    where: str, name: str, description: str, schema: Values, *, required: bool
) -> Values:
    return {
        "name": name,
        "in": where,
        "description": description,
        "required": required,
        "schema": schema,
    }


def operation(  # noqa: PLR0913 - this is what an operation is
    tag: str,
    identifier: str,
    summary: str,
    responses: Mapping[str, Values],
    *,
    description: str = "",
    parameters: Sequence[Values] = (),
    body: Values | None = None,
    keyed: bool = True,
) -> Values:
    """Return the description of one operation.

    Args:
        tag: The API.
        identifier: Its name, no two alike.
        summary: What it does, in a few words.
        responses: By status.
        description: What more there is to say.
        parameters: In its path, its query and its headers.
        body: What a request holds.
        keyed: Whether a key may be needed.
    """
    made: Values = {"tags": [tag], "operationId": identifier, "summary": summary}
    if description:
        made["description"] = description
    if parameters:
        made["parameters"] = list(parameters)
    if body:
        made["requestBody"] = body
    return made | {"responses": dict(responses), "security": _KEYS if keyed else []}


PICTURE_BODY: Values = {
    "required": True,
    "content": {
        "application/octet-stream": {"schema": BINARY},
        "image/*": {"schema": BINARY},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"imageData": BINARY},
                "required": ["imageData"],
            }
        },
    },
}
"""A picture: the file as it is, or as a part of a form."""
