# SPDX-License-Identifier: Apache-2.0
"""The service's own prediction API and the exported container's, described."""

from __future__ import annotations

from typing import Any

from trunkline.server.openapi_parts import (
    NUMBER,
    PICTURE_BODY,
    STRING,
    answer,
    array,
    errors,
    json_body,
    json_of,
    operation,
    path,
    record,
    ref,
)

__all__ = ["paths", "schemas"]

_TAG, _CONTAINER = "Custom Vision prediction", "Exported container"
_UUID = {"type": "string", "format": "uuid"}
_BOX = record(**dict.fromkeys(("left", "top", "width", "height"), NUMBER))
_STATUSES = (400, 404, 408, 413)
_URL = json_body(record(url=STRING))
_KINDS = ("classify", "detect")


def schemas() -> dict[str, Any]:
    """Return the schemas, by name."""
    tag = record(
        "boundingBox",
        "tagType",
        probability=NUMBER,
        tagId=_UUID,
        tagName=STRING,
        boundingBox=_BOX,
        tagType=STRING,
    )
    found = record(
        tagName=STRING,
        probability=NUMBER,
        tagId={"type": ["string", "integer"]},
        boundingBox={"anyOf": [_BOX, {"type": "null"}]},
    )
    created = {"type": "string", "format": "date-time"}
    return {
        "CustomVisionError": record(code=STRING, message=STRING),
        "ImagePrediction": record(
            id=_UUID, project=_UUID, iteration=_UUID, created=created, predictions=array(tag)
        ),
        "ContainerPrediction": record(
            **dict.fromkeys(("id", "project", "iteration", "created"), STRING),
            predictions=array(found),
        ),
    }


def paths() -> dict[str, Any]:
    """Return the operations, by path and method."""
    return {**_service(), **_container()}


def _service() -> dict[str, Any]:
    project = path("project", "Any id, where the settings pin none.")
    name = path("name", "The published name; a model's own, where the settings give it no other.")
    base = "Prediction/{project}"
    return {
        f"/customvision/{version}/{base}/{kind}/iterations/{{name}}/{source}{store}": {
            "post": operation(
                _TAG,
                f"{_title(kind, source, store)}_{version.replace('.', '_')}",
                f"{kind.capitalize()} {_what(source)}",
                {
                    "200": answer("The tags.", json_of(ref("ImagePrediction"))),
                    **errors(ref("CustomVisionError"), "application/json", *_STATUSES),
                },
                parameters=[project, name],
                body=PICTURE_BODY if source == "image" else _URL,
            )
        }
        for version in ("v3.0", "v3.1")
        for kind in _KINDS
        for source in ("image", "url")
        for store in ("", "/nostore")
    }


def _title(kind: str, source: str, store: str) -> str:
    return f"{kind}{source.capitalize()}{'WithNoStore' if store else ''}"


def _what(source: str) -> str:
    return "a picture" if source == "image" else "the picture at a url"


def _container() -> dict[str, Any]:
    """Describe the paths; those that begin with a project are the same for any."""
    made = {
        "/": {
            "get": operation(
                _CONTAINER,
                "greet",
                "What the container says of itself",
                {"200": answer("A sentence.", {"text/plain": {"schema": STRING}})},
                keyed=False,
            )
        }
    }
    for source in ("image", "url"):
        made[f"/{source}"] = {"post": _asked(source, f"container_{source}", ())}
        for store in ("", "/nostore"):
            short = f"/{{project}}/{source}{store}"
            made[short] = {
                "post": _asked(source, _identifier(short), [path("project", "The model's name.")])
            }
            for kind in _KINDS:
                long = f"/{{project}}/{kind}/iterations/{{name}}/{source}{store}"
                parameters = [path("project", "Any."), path("name", "The model's name.")]
                made[long] = {"post": _asked(source, _identifier(long), parameters)}
    return made


def _identifier(route: str) -> str:
    words = [word.strip("{}") for word in route.split("/") if word]
    return "_".join(["container", *words])


def _asked(source: str, identifier: str, parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    return operation(
        _CONTAINER,
        identifier,
        f"Ask about {_what(source)}",
        {
            "200": answer("The tags.", json_of(ref("ContainerPrediction"))),
            **errors(STRING, "text/plain", *_STATUSES),
        },
        parameters=parameters,
        body=PICTURE_BODY if source == "image" else _URL,
    )
